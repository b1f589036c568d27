"""Proposals: it takes two members of staff, and neither for themselves."""

import pytest
from django.db import IntegrityError, connection, transaction

from tests.concurrency.crowd import at_once
from tests.people import balance_of, deposit, status_set, wallet_of
from transactions.audit import books_audit
from transactions.funding.deposits import provider_user
from transactions.funding.payouts import payout_return
from transactions.funding.proposals import (
    DepositProposal,
    deposit_propose,
    payout_return_propose,
    proposal_approve,
    proposal_reject,
)
from transactions.models import Payout, Proposal, Transaction
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.money import AMOUNT_MAX
from wallets.models import User, Wallet, WalletStatus

pytestmark = pytest.mark.usefixtures("by_staff")


def _propose(actor: User, wallet: Wallet, amount: int = 250, reason: str = "Statement 17, line 4") -> int:
    wanted = DepositProposal(wallet_id=wallet.id, amount=amount, memo="Your transfer", reason=reason)
    return int(deposit_propose(actor=actor, proposal=wanted).pk)


def _refused(code: ErrorCode) -> "pytest.RaisesExc[WalletError]":
    return pytest.raises(WalletError, check=lambda error: error.code == code)


def test_a_proposal_alone_moves_nothing(clerk: User, wallet: Wallet) -> None:
    _propose(clerk, wallet)

    assert balance_of(wallet) == 1_000


def test_an_approval_by_somebody_else_moves_the_money_once(clerk: User, manager: User, wallet: Wallet) -> None:
    number = _propose(clerk, wallet)

    assert proposal_approve(proposal_id=number, actor=manager, reason="Checked")
    assert not proposal_approve(proposal_id=number, actor=manager)
    assert not proposal_reject(proposal_id=number, actor=manager, reason="Too late")

    assert balance_of(wallet) == 1_250
    proposal = Proposal.objects.get()
    assert proposal.transaction is not None
    assert (proposal.transaction.amount, proposal.transaction.memo) == (250, "Your transfer")
    assert (proposal.decided_by, proposal.decision_reason) == (manager, "Checked")
    assert books_audit().clean


def test_nobody_approves_or_rejects_their_own_proposal(clerk: User, wallet: Wallet) -> None:
    number = _propose(clerk, wallet)

    with _refused(ErrorCode.PERMISSION_DENIED):
        proposal_approve(proposal_id=number, actor=clerk)
    with _refused(ErrorCode.PERMISSION_DENIED):
        proposal_reject(proposal_id=number, actor=clerk, reason="I was wrong")
    assert balance_of(wallet) == 1_000


def test_nobody_proposes_or_approves_for_their_own_wallet(
    clerk: User, manager: User, alice: User, wallet: Wallet
) -> None:
    with _refused(ErrorCode.PERMISSION_DENIED):
        _propose(clerk, wallet_of(clerk))
    number = _propose(clerk, wallet)
    with _refused(ErrorCode.PERMISSION_DENIED):
        proposal_approve(proposal_id=number, actor=alice)
    assert balance_of(wallet) == 1_000


def test_a_rejection_moves_nothing_and_needs_a_reason(clerk: User, manager: User, wallet: Wallet) -> None:
    number = _propose(clerk, wallet)
    with _refused(ErrorCode.MALFORMED):
        proposal_reject(proposal_id=number, actor=manager, reason=" ")

    assert proposal_reject(proposal_id=number, actor=manager, reason="No such line")

    assert not proposal_approve(proposal_id=number, actor=manager)
    assert balance_of(wallet) == 1_000


@pytest.mark.parametrize(("amount", "reason"), [(0, "x"), (-5, "x"), (AMOUNT_MAX + 1, "x"), (5, ""), (5, "  ")])
def test_a_malformed_proposal_is_refused(amount: int, reason: str, clerk: User, wallet: Wallet) -> None:
    with _refused(ErrorCode.MALFORMED):
        _propose(clerk, wallet, amount, reason)
    assert not Proposal.objects.exists()


def test_the_outside_wallet_receives_no_proposals(clerk: User, wallet: Wallet) -> None:
    with _refused(ErrorCode.NOT_FOUND):
        deposit_propose(actor=clerk, proposal=DepositProposal(wallet_id=840, amount=5, reason="x"))


def test_what_the_ledger_refuses_leaves_the_proposal_waiting(clerk: User, manager: User, wallet: Wallet) -> None:
    number = _propose(clerk, wallet)
    status_set(wallet, WalletStatus.FROZEN)

    with _refused(ErrorCode.WALLET_FROZEN):
        proposal_approve(proposal_id=number, actor=manager)

    status_set(wallet, WalletStatus.OPEN)
    assert proposal_approve(proposal_id=number, actor=manager)
    assert balance_of(wallet) == 1_250


def test_deposits_are_proposed_only_where_staff_enter_them(
    clerk: User, wallet: Wallet, settings: pytest.FixtureRequest
) -> None:
    settings.FUNDING = "provider"  # type: ignore[attr-defined]

    with _refused(ErrorCode.FUNDING_CLOSED):
        _propose(clerk, wallet)


def test_a_payout_is_returned_by_two_people(clerk: User, manager: User, wallet: Wallet, withdrawal_id: int) -> None:
    proposal = payout_return_propose(actor=clerk, withdrawal_id=withdrawal_id, reason="Bounced")
    assert proposal is not None
    assert payout_return_propose(actor=manager, withdrawal_id=withdrawal_id, reason="Bounced") is None
    assert balance_of(wallet) == 600

    assert proposal_approve(proposal_id=proposal.pk, actor=manager)

    assert balance_of(wallet) == 1_000
    assert Payout.objects.get().status == Payout.Status.RETURNED
    with _refused(ErrorCode.PAYOUT_RETURNED):
        payout_return_propose(actor=clerk, withdrawal_id=withdrawal_id, reason="Again")


def test_a_payout_that_the_provider_returned_meanwhile_is_not_returned_again(
    clerk: User, manager: User, wallet: Wallet, withdrawal_id: int
) -> None:
    proposal = payout_return_propose(actor=clerk, withdrawal_id=withdrawal_id, reason="Bounced")
    assert proposal is not None
    payout_return(withdrawal_id=withdrawal_id, initiator=provider_user(), reason="Bounced")

    with _refused(ErrorCode.PAYOUT_RETURNED):
        proposal_approve(proposal_id=proposal.pk, actor=manager)

    assert balance_of(wallet) == 1_000


def test_the_owner_of_the_wallet_cannot_propose_the_return(alice: User, withdrawal_id: int) -> None:
    with _refused(ErrorCode.PERMISSION_DENIED):
        payout_return_propose(actor=alice, withdrawal_id=withdrawal_id, reason="I want it back")


@pytest.mark.django_db(transaction=True)
def test_of_many_approvals_at_once_one_moves_the_money(
    clerk: User, manager: User, bob: User, charlie: User, wallet: Wallet
) -> None:
    number = _propose(clerk, wallet)
    others = [manager, bob, charlie] * 3

    answers = at_once([lambda actor=actor: proposal_approve(proposal_id=number, actor=actor) for actor in others])  # type: ignore[misc]

    assert sorted(str(answer.value) for answer in answers) == ["False"] * 8 + ["True"]
    assert balance_of(wallet) == 1_250


ATTACKS = {
    "approve one's own": """UPDATE transactions_proposal SET decision = 'approved', decided_by_id = proposed_by_id,
        decided_at = now(), transaction_id = %(deposit)s""",
    "approve for oneself": """UPDATE transactions_proposal SET decision = 'approved', decided_by_id = %(owner)s,
        decided_at = now(), transaction_id = %(deposit)s""",
    "approve with another's deposit": """UPDATE transactions_proposal SET decision = 'approved',
        decided_by_id = %(manager)s, decided_at = now(), transaction_id = %(foreign)s""",
    "approve without money": """UPDATE transactions_proposal SET decision = 'approved', decided_by_id = %(manager)s,
        decided_at = now()""",
    "raise the amount": "UPDATE transactions_proposal SET amount = amount * 10",
    "redirect it": "UPDATE transactions_proposal SET wallet_id = 840",
    "forge the proposer": "UPDATE transactions_proposal SET proposed_by_id = %(manager)s",
    "be born approved": """INSERT INTO transactions_proposal
        (kind, wallet_id, amount, memo, reason, proposed_by_id, decision, decided_by_id, decided_at, transaction_id)
        SELECT kind, wallet_id, amount, memo, reason, proposed_by_id, 'approved', %(manager)s, now(), %(deposit)s
        FROM transactions_proposal""",
    "propose for oneself": """INSERT INTO transactions_proposal (kind, wallet_id, amount, memo, reason, proposed_by_id)
        SELECT kind, wallet_id, amount, memo, reason, %(owner)s FROM transactions_proposal""",
    "forget it": "DELETE FROM transactions_proposal",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_database_refuses_to(attack: str, clerk: User, manager: User, bob: User, wallet: Wallet) -> None:
    _propose(clerk, wallet, 1_000)
    own = Transaction.objects.get(destination=wallet).pk
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('wallet.funding', 'demo', false)")
    deposit(wallet_of(bob), 1_000)
    foreign = Transaction.objects.get(destination__owner=bob).pk

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            ATTACKS[attack],
            {"deposit": own, "foreign": foreign, "owner": wallet.owner_id, "manager": manager.pk},
        )
