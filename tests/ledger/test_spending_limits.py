"""What leaves a wallet never exceeds the limits that its owner has set."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from tests.people import deposit, funded, wallet_of_id
from tests.settlement.faults import settle_all
from tests.spending import day_passes, limits_rewrite
from transactions.ledger.commands import Command, Outcome
from transactions.ledger.post import post
from transactions.models import Kind, Transaction
from transactions.previews import transfer_preview
from transactions.recipients import TransferRequest
from transactions.services import transfer_create, transfer_submit, transfers_submit, withdrawal_create
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.spending import SPENT_MAX
from wallets.models import Wallet
from wallets.spending import limits_set

pytestmark = pytest.mark.django_db


def limited(per_payment: int | None = None, per_day: int | None = None) -> tuple[Wallet, Wallet]:
    """Alice's wallet with $10.00 and these limits, and Bob's."""
    alice, bob = funded("alice", 1_000), funded("bob")
    assert alice.owner
    limits_set(owner=alice.owner, wallet_id=alice.pk, per_payment=per_payment, per_day=per_day)
    return alice, bob


def command(source: Wallet, destination: Wallet | None, amount: int) -> Command:
    kind = Kind.TRANSFER if destination else Kind.WITHDRAWAL
    assert source.owner_id
    return Command(
        kind=kind,
        amount=amount,
        source_id=source.pk,
        destination_id=destination.pk if destination else None,
        initiator_id=source.owner_id,
    )


def codes(outcomes: list[Outcome]) -> list[str]:
    return [outcome.error.code if outcome.error else "posted" for outcome in outcomes]


def spent(wallet: Wallet) -> int | None:
    return wallet_of_id(wallet.pk).spent


def test_a_payment_up_to_its_limit_is_posted_and_the_next_cent_is_refused() -> None:
    alice, bob = limited(per_payment=100)
    assert codes(post([command(alice, bob, 100)])) == ["posted"]
    assert codes(post([command(alice, bob, 101)])) == ["spending_limit_exceeded"]
    assert codes(post([command(alice, None, 101)])) == ["spending_limit_exceeded"]


def test_a_day_counts_transfers_and_withdrawals_together() -> None:
    alice, bob = limited(per_day=100)
    assert codes(post([command(alice, bob, 60), command(alice, None, 40)])) == ["posted", "posted"]
    assert codes(post([command(alice, bob, 1)])) == ["spending_limit_exceeded"]
    assert spent(alice) == 100


def test_a_list_counts_its_payments_one_after_another() -> None:
    alice, bob = limited(per_day=100)
    outcomes = post([command(alice, bob, amount) for amount in (70, 40, 30, 1)])
    assert codes(outcomes) == ["posted", "spending_limit_exceeded", "posted", "spending_limit_exceeded"]


def test_what_comes_in_does_not_count() -> None:
    alice, bob = limited(per_day=100)
    deposit(bob, 500)
    assert codes(post([command(bob, alice, 500), command(alice, bob, 100)])) == ["posted", "posted"]
    deposit(alice, 500)
    assert spent(alice) == 100


def test_a_refusal_says_the_limit_what_is_left_and_when_it_renews() -> None:
    alice, bob = limited(per_payment=500, per_day=100)
    post([command(alice, bob, 60)])
    (outcome,) = post([command(alice, bob, 41)])
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    assert outcome.error
    assert outcome.error.detail == (
        f"Your limit per payment is $5.00. Your limit per day is $1.00; $0.40 is left until {tomorrow} 00:00 UTC."
    )


def test_the_next_day_begins_with_nothing_spent() -> None:
    alice, bob = limited(per_day=100)
    post([command(alice, bob, 100)])
    day_passes(alice)
    assert codes(post([command(alice, bob, 100)])) == ["posted"]
    assert spent(alice) == 100


def test_first_limits_count_what_was_spent_today() -> None:
    alice, bob = funded("alice", 1_000), funded("bob")
    post([command(alice, bob, 30), command(alice, None, 40)])
    assert alice.owner
    view = limits_set(owner=alice.owner, wallet_id=alice.pk, per_payment=None, per_day=100)
    assert (view.spent_today, view.left_today) == (70, 30)
    assert codes(post([command(alice, bob, 31)])) == ["spending_limit_exceeded"]


def test_a_day_that_is_above_a_lowered_limit_already_ends_there() -> None:
    alice, bob = limited(per_day=100)
    post([command(alice, bob, 80)])
    assert alice.owner
    view = limits_set(owner=alice.owner, wallet_id=alice.pk, per_payment=None, per_day=50)
    assert (view.spent_today, view.left_today) == (80, 0)
    assert codes(post([command(alice, bob, 1)])) == ["spending_limit_exceeded"]
    deposit(alice, 100)


def test_a_clock_that_goes_back_to_yesterday_gives_nobody_a_second_day() -> None:
    alice, bob = limited(per_day=100)
    post([command(alice, bob, 100)])
    outcomes = post([command(alice, bob, 1)], at=datetime.now(UTC) - timedelta(days=1))
    assert codes(outcomes) == ["spending_limit_exceeded"]


def test_counting_stops_before_it_overflows() -> None:
    alice, bob = limited(per_payment=1_000)
    limits_rewrite(alice, spent=SPENT_MAX - 1)
    assert codes(post([command(alice, bob, 100)])) == ["posted"]
    assert spent(alice) == SPENT_MAX


def test_an_accepted_transfer_counts_when_it_settles_and_fails_with_the_code() -> None:
    alice, _ = limited(per_day=100)
    assert alice.owner
    requests = [TransferRequest(source_id=alice.pk, recipient="bob", amount=amount) for amount in (70, 70)]
    accepted = transfers_submit(actor=alice.owner, requests=requests)
    assert [isinstance(answer, WalletError) for answer in accepted] == [False, False]
    settle_all(alice)
    outcomes = Transaction.objects.filter(source=alice).order_by("id").values_list("status", "failure_code")
    assert list(outcomes) == [("posted", ""), ("failed", "spending_limit_exceeded")]


def test_a_transfer_that_already_exceeds_the_limit_is_not_accepted() -> None:
    alice, _ = limited(per_day=100)
    assert alice.owner
    request = TransferRequest(source_id=alice.pk, recipient="bob", amount=101)
    with pytest.raises(WalletError) as refusal:
        transfer_submit(actor=alice.owner, request=request)
    assert refusal.value.code == ErrorCode.SPENDING_LIMIT_EXCEEDED


def test_a_replay_is_answered_although_the_limit_is_used_up() -> None:
    alice, _ = limited(per_day=100)
    assert alice.owner
    request = TransferRequest(source_id=alice.pk, recipient="bob", amount=100, idempotency_key="k")
    first = transfer_create(actor=alice.owner, request=request)
    again = transfer_create(actor=alice.owner, request=request)
    assert (again.replayed, again.transaction.pk) == (True, first.transaction.pk)
    assert transfer_submit(actor=alice.owner, request=request).replayed


def test_a_preview_refuses_what_posting_would() -> None:
    alice, _ = limited(per_day=100)
    assert alice.owner
    with pytest.raises(WalletError) as refusal:
        transfer_preview(actor=alice.owner, request=TransferRequest(source_id=alice.pk, recipient="bob", amount=101))
    assert refusal.value.code == ErrorCode.SPENDING_LIMIT_EXCEEDED


def test_a_wallet_without_limits_takes_as_many_statements_and_writes_no_count() -> None:
    alice, bob = funded("alice", 1_000), funded("bob")
    with CaptureQueriesContext(connection) as plain:
        post([command(alice, bob, 10)])
    assert alice.owner
    limits_set(owner=alice.owner, wallet_id=alice.pk, per_payment=None, per_day=500)
    with CaptureQueriesContext(connection) as counted:
        post([command(alice, bob, 10)])
    assert len(plain) == len(counted)
    assert not any("spent =" in query["sql"] for query in plain)
    assert spent(bob) is None


@pytest.mark.django_db(transaction=True)
def test_payments_at_the_same_time_never_exceed_the_day_together() -> None:
    """The lock of the wallet's row protects its limits: a payment that waited for it sees what the other one spent."""
    alice, bob = limited(per_day=100)
    assert alice.owner
    answers: list[str] = []

    def pay() -> None:
        try:
            answers.extend(codes(post([command(alice, bob, 30)])))
        finally:
            connection.close()

    threads = [threading.Thread(target=pay) for _ in range(6)]
    with transaction.atomic():
        Wallet.objects.select_for_update(no_key=True).get(pk=alice.pk)
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["posted"] * 3 + ["spending_limit_exceeded"] * 3
    assert spent(alice) == 90


def test_withdrawals_are_refused_beyond_the_limit() -> None:
    alice, _ = limited(per_payment=100)
    assert alice.owner
    with pytest.raises(WalletError) as refusal:
        withdrawal_create(actor=alice.owner, wallet_id=alice.pk, amount=101)
    assert refusal.value.code == ErrorCode.SPENDING_LIMIT_EXCEEDED
