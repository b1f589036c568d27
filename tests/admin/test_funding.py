"""Staff confirm pay-outs, and put money into wallets two by two."""

from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import Settings

from tests.pages.kit import text_of
from tests.people import balance_of, deposit, wallet_of
from tests.staff import browser_of
from transactions.funding.proposals import payout_return_propose
from transactions.models import Payout, Proposal
from transactions.services import withdrawal_create
from wallets.models import User, Wallet

PROPOSALS = "/admin/transactions/proposal/"
PAYOUTS = "/admin/transactions/payout/"
RIGHTS = ["view_proposal", "view_payout", "propose_money", "approve_money", "confirm_payout"]

Create = Callable[..., User]


@pytest.fixture
def wallet(alice: User, settings: Settings) -> Wallet:
    wallet = wallet_of(alice)
    deposit(wallet, 1_000)
    settings.FUNDING = "staff"
    return wallet


@pytest.fixture
def withdrawal_id(alice: User, wallet: Wallet) -> int:
    return withdrawal_create(actor=alice, wallet_id=wallet.id, amount=400).transaction.pk


@pytest.fixture
def clerks_browser(staff_create: Create) -> Client:
    return browser_of(staff_create("clerk", *RIGHTS))


@pytest.fixture
def managers_browser(staff_create: Create) -> Client:
    return browser_of(staff_create("manager", *RIGHTS))


def _propose(browser: Client, wallet: Wallet, amount: str = "2.50", reason: str = "Statement 17") -> int:
    form = {"wallet": str(wallet.pk), "amount": amount, "memo": "Your transfer", "reason": reason}
    return browser.post(f"{PROPOSALS}add/", form).status_code


def test_staff_find_the_proposals_that_wait(clerks_browser: Client, managers_browser: Client, wallet: Wallet) -> None:
    _propose(clerks_browser, wallet, reason="Statement 17")
    _propose(clerks_browser, wallet, reason="Statement 18")
    first, second = Proposal.objects.order_by("id")
    managers_browser.post(f"{PROPOSALS}decide/reject/?ids={first.pk}", {"words": "Not ours"})

    for decision, found in {"waiting": second, "rejected": first}.items():
        page = managers_browser.get(PROPOSALS, {"decision": decision})
        assert list(page.context["cl"].result_list) == [found]
    assert ">Waiting</a>" in managers_browser.get(PROPOSALS).content.decode()


def test_the_page_that_approves_tells_a_return_from_a_deposit(
    clerks_browser: Client, managers_browser: Client, wallet: Wallet, withdrawal_id: int, staff_create: Create
) -> None:
    _propose(clerks_browser, wallet)
    payout_return_propose(actor=staff_create("cashier"), withdrawal_id=withdrawal_id, reason="Wrong IBAN")
    ids = ",".join(str(proposal.pk) for proposal in Proposal.objects.all())
    page = text_of(managers_browser.get(f"{PROPOSALS}decide/approve/?ids={ids}"))
    assert "</a>, deposit:" in page
    assert "</a>, return of a pay-out:" in page


def test_one_proposes_and_another_approves(clerks_browser: Client, managers_browser: Client, wallet: Wallet) -> None:
    assert _propose(clerks_browser, wallet) == 302
    (proposal,) = Proposal.objects.all()
    page = managers_browser.get(f"{PROPOSALS}decide/approve/?ids={proposal.pk}").content.decode()
    assert "$2.50 for alice USD, proposed by clerk" in page
    assert balance_of(wallet) == 1_000

    managers_browser.post(f"{PROPOSALS}decide/approve/?ids={proposal.pk}", {"words": "Checked"})

    assert balance_of(wallet) == 1_250
    assert "Checked" in clerks_browser.get(f"{PROPOSALS}{proposal.pk}/change/").content.decode()


def test_nobody_approves_their_own(clerks_browser: Client, wallet: Wallet) -> None:
    _propose(clerks_browser, wallet)
    url = f"{PROPOSALS}decide/approve/?ids={Proposal.objects.get().pk}"

    page = clerks_browser.post(url, {"words": ""}, follow=True).content.decode()

    assert "You proposed this yourself" in page
    assert balance_of(wallet) == 1_000


def test_a_rejection_needs_a_reason(clerks_browser: Client, managers_browser: Client, wallet: Wallet) -> None:
    _propose(clerks_browser, wallet)
    url = f"{PROPOSALS}decide/reject/?ids={Proposal.objects.get().pk}"

    assert managers_browser.post(url, {"words": ""}).status_code == 422
    managers_browser.post(url, {"words": "No such line"})

    proposal = Proposal.objects.get()
    assert (proposal.decision, proposal.decision_reason) == ("rejected", "No such line")


@pytest.mark.parametrize(("amount", "reason"), [("0", "x"), ("2.505", "x"), ("x", "x"), ("2.50", "")])
def test_a_malformed_proposal_shows_what_is_wrong(
    amount: str, reason: str, clerks_browser: Client, wallet: Wallet
) -> None:
    assert _propose(clerks_browser, wallet, amount, reason) == 422
    assert not Proposal.objects.exists()


def test_a_proposal_for_ones_own_wallet_is_refused(clerks_browser: Client, wallet: Wallet) -> None:
    own = wallet_of(User.objects.get(username="clerk"))

    assert _propose(clerks_browser, own) == 422
    assert not Proposal.objects.exists()


@pytest.mark.parametrize("missing", ["propose_money", "approve_money"])
def test_each_step_needs_its_permission(
    missing: str, staff_create: Create, clerks_browser: Client, wallet: Wallet
) -> None:
    _propose(clerks_browser, wallet)
    number = Proposal.objects.get().pk
    browser = browser_of(staff_create("intern", *(right for right in RIGHTS if right != missing)))

    if missing == "propose_money":
        assert _propose(browser, wallet) == 403
    else:
        assert browser.post(f"{PROPOSALS}decide/approve/?ids={number}", {"words": ""}).status_code == 404
    assert balance_of(wallet) == 1_000


def test_nobody_proposes_deposits_where_a_provider_reports_them(
    clerks_browser: Client, wallet: Wallet, settings: Settings
) -> None:
    settings.FUNDING = "provider"

    assert _propose(clerks_browser, wallet) == 403


def test_a_payout_is_confirmed_with_its_reference(clerks_browser: Client, withdrawal_id: int) -> None:
    assert "$4.00" in clerks_browser.get(PAYOUTS).content.decode()

    clerks_browser.post(f"{PAYOUTS}decide/confirm/?ids={withdrawal_id}", {"words": "SEPA-9"})

    payout = Payout.objects.get()
    assert (payout.status, payout.reference) == ("confirmed", "SEPA-9")


def test_a_payout_is_returned_by_two(
    clerks_browser: Client, managers_browser: Client, wallet: Wallet, withdrawal_id: int
) -> None:
    clerks_browser.post(f"{PAYOUTS}decide/return/?ids={withdrawal_id}", {"words": "Account closed"})
    assert balance_of(wallet) == 600
    number = Proposal.objects.get().pk

    managers_browser.post(f"{PROPOSALS}decide/approve/?ids={number}", {"words": ""})

    assert balance_of(wallet) == 1_000
    assert Payout.objects.get().status == "returned"


def test_several_proposals_are_decided_one_by_one(
    clerks_browser: Client, managers_browser: Client, bob: User, wallet: Wallet
) -> None:
    for target in (wallet, wallet_of(bob)):
        _propose(clerks_browser, target)
    chosen = list(Proposal.objects.order_by("pk").values_list("pk", flat=True))
    selected = {"action": "approve", "_selected_action": [str(number) for number in chosen]}
    page = managers_browser.post(PROPOSALS, selected)

    managers_browser.post(page["Location"], {"words": ""})

    assert (balance_of(wallet), balance_of(wallet_of(bob))) == (1_250, 250)


def test_the_owner_sees_what_became_of_a_withdrawal(
    alice: User, staff_create: Create, clerks_browser: Client, managers_browser: Client, withdrawal_id: int
) -> None:
    browser = browser_of(alice)

    def receipt() -> str:
        return browser.get(f"/transactions/{withdrawal_id}/").content.decode()

    assert "On its way" in receipt()
    clerks_browser.post(f"{PAYOUTS}decide/confirm/?ids={withdrawal_id}", {"words": ""})
    assert "Paid out" in receipt()
    proposal = payout_return_propose(
        actor=User.objects.get(username="clerk"), withdrawal_id=withdrawal_id, reason="Bounced"
    )
    assert proposal is not None
    managers_browser.post(f"{PROPOSALS}decide/approve/?ids={proposal.pk}", {"words": ""})
    returned_by = Payout.objects.get().returned_by_id
    assert f"/transactions/{returned_by}/" in receipt()
    assert "Returned withdrawal" in browser.get(f"/transactions/{returned_by}/").content.decode()
