"""In a browser, what could cost its owner most asks for the password or second factor again."""

import ast
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.test import Client

from tests.architecture.test_module_rules import modules
from tests.pages.kit import balance_of, fields_of, fill, fresh, give, read, send, text_of, wallet_of
from tests.people import PASSWORD, person
from transactions.gateway.local import gateway
from transactions.models import Transaction
from transactions.recipients import TransferRequest
from transactions.services import transfer_create
from transactions.step_up import step_up_reason
from wallets.models import User
from wallets.spending import step_up_set

pytestmark = pytest.mark.django_db

REAUTHENTICATE = "/accounts/reauthenticate/"


@pytest.fixture
def stale(alices: Client, alice: User) -> Client:
    """Alice's browser, an hour after she has signed in. She has $200.00."""
    give(alice, 20_000)
    return fresh(alices, alice, age_s=3_600)


def paid_before(alice: User) -> None:
    request = TransferRequest(source_id=wallet_of(alice).pk, recipient="bob", amount=1)
    transfer_create(actor=alice, request=request)


def reviewed(browser: Client, amount: str) -> dict[str, str]:
    """The form of the review page."""
    fill(browser, "/send/", recipient="bob", amount=amount, memo="Lunch & more")
    return fields_of(browser.get("/send/review/"))


@pytest.mark.parametrize("how", [{}, {"how": "background"}])
def test_a_first_payment_comes_back_to_its_review_and_is_sent_then(
    stale: Client, alice: User, bob: User, how: dict[str, str]
) -> None:
    form = reviewed(stale, "1.00")
    asked = send(stale, "/send/review/", form | how)
    assert asked["Location"] == f"{REAUTHENTICATE}?next=%2Fsend%2Freview%2F"
    assert "you have never paid this person before" in read(stale, asked["Location"])
    assert balance_of(bob) == 0
    back = fill(stale, asked["Location"], password=PASSWORD)
    assert back["Location"] == "/send/review/"
    review = stale.get("/send/review/")
    assert "Lunch &amp; more" in text_of(review)
    assert send(stale, "/send/review/", fields_of(review) | how).status_code == 302
    assert wallet_of(alice).balance + 100 == 20_000 or how


def test_a_small_payment_to_somebody_paid_before_asks_nothing(stale: Client, alice: User, bob: User) -> None:
    paid_before(alice)
    assert send(stale, "/send/review/", reviewed(stale, "100.00"))["Location"].startswith("/transactions/")


def test_a_larger_payment_asks(stale: Client, alice: User, bob: User) -> None:
    paid_before(alice)
    asked = send(stale, "/send/review/", reviewed(stale, "100.01"))
    assert asked["Location"].startswith(REAUTHENTICATE)
    assert "more than the amount above which" in read(stale, asked["Location"])


def test_the_owner_chooses_the_amount(stale: Client, alice: User, bob: User) -> None:
    paid_before(alice)
    step_up_set(owner=alice, wallet_id=wallet_of(alice).pk, above=500)
    assert send(stale, "/send/review/", reviewed(stale, "5.01"))["Location"].startswith(REAUTHENTICATE)
    assert send(stale, "/send/review/", reviewed(stale, "5.00"))["Location"].startswith("/transactions/")


def test_a_user_who_has_just_signed_in_is_asked_nothing(alice: User, bob: User) -> None:
    give(alice, 20_000)
    browser = Client()
    fill(browser, "/accounts/login/", login="alice", password=PASSWORD)
    assert send(browser, "/send/review/", reviewed(browser, "150.00"))["Location"].startswith("/transactions/")


def test_a_user_who_has_just_signed_up_is_asked_nothing(client: Client) -> None:
    account = {"username": "alice", "email": "alice@example.com", "password1": PASSWORD}
    client.post("/accounts/signup/", account)
    alice = User.objects.get(username="alice")
    give(alice, 1_000)

    assert "/transactions/" in fill(client, "/withdraw/", wallet=str(wallet_of(alice).pk), amount="1")["Location"]


def test_a_withdrawal_comes_back_to_its_form_with_nothing_lost_and_nothing_in_the_url(
    stale: Client, alice: User
) -> None:
    asked = fill(stale, "/withdraw/", amount="12.34", memo="Rent & more")
    assert asked["Location"] == f"{REAUTHENTICATE}?next=%2Fwithdraw%2F%3Fcontinue"
    assert balance_of(alice) == 20_000
    back = fill(stale, asked["Location"], password=PASSWORD)
    again = stale.get(back["Location"])
    form = fields_of(again)
    assert (form["amount"], form["memo"]) == ("12.34", "Rent & more")
    assert "Nothing has been withdrawn yet" in text_of(again)
    assert send(stale, "/withdraw/", form)["Location"].startswith("/transactions/")
    assert balance_of(alice) == 20_000 - 1_234
    assert "12.34" not in str(fields_of(stale.get("/withdraw/?continue")))


def test_an_invalid_withdrawal_is_refused_before_anybody_is_asked(stale: Client) -> None:
    assert fill(stale, "/withdraw/", amount="nothing").status_code == 422


def test_the_password_is_not_enough_with_a_second_factor(stale: Client, alice: User, bob: User) -> None:
    TOTP.activate(alice, generate_totp_secret())
    fresh(stale, alice)
    asked = send(stale, "/send/review/", reviewed(stale, "1.00"))
    assert asked["Location"].startswith(REAUTHENTICATE)
    assert stale.get(asked["Location"])["Location"].startswith("/accounts/2fa/reauthenticate/")


def post(browser: Client, path: str, body: Any) -> Any:
    return browser.post(path, body, content_type="application/json")


def test_rest_refuses_a_session_and_says_what_to_do(stale: Client, alice: User, bob: User) -> None:
    wallet = wallet_of(alice).pk
    transfer = {"source": str(wallet), "recipient": "bob", "amount": 1}
    for path, body in (
        (f"/api/v1/wallets/{wallet}/withdrawals", {"amount": 1}),
        ("/api/v1/transfers", transfer),
        ("/api/v2/transfers", transfer),
        ("/api/v2/transfers/bulk", {"transfers": [transfer]}),
    ):
        response = post(stale, path, body)
        assert (response.status_code, response.json()["code"]) == (403, "step_up_required"), path
        assert "open /accounts/reauthenticate/, then try again" in response.json()["detail"]
    fresh(stale, alice)
    assert post(stale, "/api/v1/transfers", transfer).status_code == 201
    assert post(stale, "/api/v2/transfers/bulk", {"transfers": [transfer]}).status_code == 202


def test_a_list_counts_as_one_payment(stale: Client, alice: User, bob: User) -> None:
    paid_before(alice)
    transfer = {"source": str(wallet_of(alice).pk), "recipient": "bob", "amount": 6_000}
    assert post(stale, "/api/v2/transfers/bulk", {"transfers": [transfer]}).status_code == 202
    assert post(stale, "/api/v2/transfers/bulk", {"transfers": [transfer, transfer]}).status_code == 403


def test_a_transfer_that_will_be_refused_anyway_asks_nothing(stale: Client, alice: User) -> None:
    transfer = {"source": str(wallet_of(alice).pk), "amount": 1}
    assert post(stale, "/api/v1/transfers", transfer).json()["code"] == "malformed"


@pytest.mark.parametrize("path", ["/api/v1/transfers", "/api/v2/transfers", "/api/v2/transfers/bulk"])
def test_a_recipient_who_appears_after_the_question_is_not_paid(
    stale: Client, alice: User, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """A thief with an old session opens the wallet that is to be paid between the question and the payment."""

    def asked_then_opened(**question: Any) -> Any:
        try:
            return step_up_reason(**question)
        finally:
            person("mallory")

    monkeypatch.setattr(gateway(), "step_up_reason", asked_then_opened, raising=False)
    transfer = {"source": str(wallet_of(alice).pk), "recipient": "mallory", "amount": 20_000}
    response = post(stale, path, {"transfers": [transfer]} if path.endswith("bulk") else transfer)
    assert response.json().get("code") == "step_up_required"
    assert not Transaction.objects.filter(source=wallet_of(alice)).exists()


def test_raising_limits_over_a_session_asks_as_well(stale: Client, alice: User) -> None:
    path = f"/api/v1/wallets/{wallet_of(alice).pk}/limits"

    def put(per_day: int | None) -> Any:
        return stale.put(path, {"per_payment": None, "per_day": per_day}, content_type="application/json")

    assert put(100).status_code == 200
    assert put(50).status_code == 200
    assert put(None).json()["code"] == "step_up_required"


#: The questions of the gateway that move money out of a wallet.
PAYING = {"withdrawal_create", "transfer_create", "transfer_submit", "transfers_submit"}
_ENTRY_POINTS = ("transactions/api/", "transactions/views/", "wallets/", "dashboard/", "notifications/")


def test_no_page_and_no_api_view_pays_past_the_spender() -> None:
    """Whoever calls `gateway().transfer_create` in a view forgets step-up authentication."""
    seen = set()
    for path, tree in modules():
        for node in ast.walk(tree):
            is_question = isinstance(node, ast.Attribute) and node.attr in PAYING
            if not is_question or not isinstance(node.value, ast.Call):  # type: ignore[attr-defined]
                continue
            called = node.value.func  # type: ignore[attr-defined]
            if isinstance(called, ast.Name) and called.id in {"gateway", "wallet_gateway"}:
                seen.add(path)
    assert seen == {"transactions/spender.py"}


def test_entry_points_name_the_paying_questions_only_on_a_spender() -> None:
    for path, tree in modules():
        if not path.startswith(_ENTRY_POINTS):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in PAYING:
                assert "pender" in ast.unparse(node.value), f"{path}:{node.lineno}"
