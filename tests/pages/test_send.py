"""Sending money: the form, the review, the receipt."""

import datetime

import pytest
import time_machine
from django.core import signing
from django.test import Client
from django.utils import timezone

from tests.pages.kit import balance_of, fields_of, fill, give, send, text_of, wallet_of
from transactions.models import Transaction
from transactions.services import withdrawal_create
from wallets.models import User
from wallets.services import display_name_set, wallet_freeze, wallet_open

REVIEW = "/send/review/"


def reviewed(client: Client, **entered: str) -> dict[str, str]:
    """Fills in the form; returns the fields that the review page would submit."""
    response = fill(client, "/send/", **({"recipient": "bob", "amount": "20"} | entered))
    assert response.status_code == 302, text_of(response)
    assert response["Location"] == REVIEW
    return fields_of(client.get(REVIEW))


def test_it_shows_the_review_and_moves_nothing_before_it_is_confirmed(alices: Client, alice: User, bob: User) -> None:
    give(alice, 5_000)
    reviewed(alices, recipient="BOB@example.com", memo="Lunch")
    page = text_of(alices.get(REVIEW))
    assert "Send $20.00 to <bdi>bob</bdi>" in page
    assert "$30.00" in page
    assert "Lunch" in page
    assert balance_of(bob) == 0


def test_it_sends_what_was_reviewed_and_shows_the_receipt_to_both_users(
    alices: Client, bobs: Client, alice: User, bob: User
) -> None:
    give(alice, 5_000)
    response = send(alices, REVIEW, reviewed(alices, memo="Lunch"))
    transaction = Transaction.objects.get(kind="transfer")
    assert response["Location"] == f"/transactions/{transaction.id}/?done=now"
    assert (balance_of(alice), balance_of(bob)) == (3_000, 2_000)
    assert "Money sent" in text_of(alices.get(response["Location"]))
    bobs_page = text_of(bobs.get(f"/transactions/{transaction.id}/"))
    assert "Money received" in bobs_page
    assert "+$20.00" in bobs_page


def test_it_sends_once_if_the_button_is_pressed_twice(alices: Client, alice: User, bob: User) -> None:
    give(alice, 5_000)
    data = reviewed(alices)
    first, second = send(alices, REVIEW, data), send(alices, REVIEW, data)
    assert balance_of(bob) == 2_000
    assert first["Location"].partition("?")[0] == second["Location"].partition("?")[0]


def test_it_sends_what_the_page_showed_even_if_another_tab_entered_something_else(
    alices: Client, alice: User, bob: User
) -> None:
    give(alice, 5_000)
    shown = reviewed(alices, amount="20")
    reviewed(alices, amount="30")
    send(alices, REVIEW, shown)
    assert balance_of(bob) == 2_000


def test_it_pays_the_wallet_that_was_reviewed_even_if_its_owner_changes_name(
    alices: Client, alice: User, bob: User, charlie: User
) -> None:
    give(alice, 5_000)
    data = reviewed(alices)
    User.objects.filter(id=bob.pk).update(username="robert")
    User.objects.filter(id=charlie.pk).update(username="bob")
    send(alices, REVIEW, data)
    assert balance_of(bob) == 2_000
    assert balance_of(charlie) == 0


@pytest.mark.parametrize(
    ("entered", "field", "sentence"),
    [
        ({"recipient": ""}, "recipient", "Enter a username or email."),
        ({"recipient": "nobody"}, "recipient", "There is no user nobody. Check the spelling."),
        ({"recipient": "nobody@example.com"}, "recipient", "This email cannot receive USD."),
        ({"recipient": "alice"}, "recipient", "You cannot send money to yourself."),
        ({"recipient": "Alice@Example.com"}, "recipient", "You cannot send money to yourself."),
        ({"amount": "50.01"}, "amount", "This wallet does not hold that much."),
        ({"amount": "twenty"}, "amount", "Enter an amount such as"),
        ({"memo": "x" * 201}, "memo", "at most 200 characters"),
    ],
)
def test_it_shows_an_error_at_its_field_and_keeps_the_input(
    alices: Client, alice: User, bob: User, entered: dict[str, str], field: str, sentence: str
) -> None:
    give(alice, 5_000)
    given = {"recipient": "bob", "amount": "20", "memo": "Lunch"} | entered
    response = fill(alices, "/send/", **given)
    page = text_of(response)
    assert response.status_code == 422
    assert sentence in page
    assert f'id="id_{field}_error"' in page
    assert fields_of(response).items() >= given.items()


def test_it_says_that_the_recipient_has_no_wallet_in_the_currency(alices: Client, alice: User, bob: User) -> None:
    euros = wallet_open(owner=alice, currency="EUR")
    give(alice, 5_000, currency="EUR")
    response = fill(alices, "/send/", recipient="bob", amount="20", wallet=str(euros.id))
    assert "bob has no wallet in EUR." in text_of(response)


def test_only_sending_says_that_the_recipient_cannot_receive_and_not_why(
    alices: Client, alice: User, bob: User
) -> None:
    give(alice, 5_000)
    wallet_freeze(wallet_id=wallet_of(bob).id, actor=alice, reason="A test")
    response = send(alices, REVIEW, reviewed(alices))
    page = text_of(response)
    assert response.status_code == 422
    assert "The recipient cannot receive this transfer." in page
    assert "frozen" not in page
    assert 'id="id_recipient_error"' in page


def test_the_review_of_a_transfer_to_an_email_shows_the_display_name_and_no_username(
    alices: Client, alice: User, bob: User
) -> None:
    display_name_set(user=bob, name="Robert Smith")
    give(alice, 5_000)
    reviewed(alices, recipient=" BOB@example.com ")
    page = text_of(alices.get(REVIEW))
    assert "Robert Smith" in page
    assert "(<bdi>bob@example.com</bdi>)" in page
    assert ">bob<" not in page
    assert "bob" not in page.replace("bob@example.com", "")


def test_the_review_of_a_transfer_to_a_username_shows_it_beside_the_display_name(
    alices: Client, alice: User, bob: User
) -> None:
    display_name_set(user=bob, name="Robert Smith")
    give(alice, 5_000)
    reviewed(alices)
    page = text_of(alices.get(REVIEW))
    assert "Robert Smith" in page
    assert "(<bdi>bob</bdi>)" in page


def test_the_review_says_that_a_payment_is_the_first_one_to_this_person(
    alices: Client, bobs: Client, alice: User, bob: User
) -> None:
    give(alice, 5_000)
    data = reviewed(alices)
    assert "First payment to this person" in text_of(alices.get(REVIEW))
    send(alices, REVIEW, data)
    reviewed(alices)
    assert "First payment to this person" not in text_of(alices.get(REVIEW))
    # Bob has received from Alice, and has never paid her.
    reviewed(bobs, recipient="alice")
    assert "First payment to this person" in text_of(bobs.get(REVIEW))


def test_it_returns_to_the_form_if_the_money_is_gone_by_then(alices: Client, alice: User, bob: User) -> None:
    give(alice, 5_000)
    data = reviewed(alices, memo="Lunch")
    withdrawal_create(actor=alice, wallet_id=wallet_of(alice).id, amount=4_000)
    response = send(alices, REVIEW, data)
    assert response.status_code == 422
    assert "This wallet does not hold that much." in text_of(response)
    assert fields_of(response)["memo"] == "Lunch"
    assert fields_of(response)["recipient"] == "bob"
    assert balance_of(bob) == 0


def test_it_shows_no_review_of_a_transfer_that_would_be_refused(alices: Client, alice: User, bob: User) -> None:
    give(alice, 5_000)
    reviewed(alices)
    withdrawal_create(actor=alice, wallet_id=wallet_of(alice).id, amount=4_000)
    assert alices.get(REVIEW).status_code == 422


def test_it_goes_back_to_change_what_was_entered(alices: Client, alice: User, bob: User) -> None:
    give(alice, 5_000)
    reviewed(alices, memo="Lunch", amount="20.5")
    kept = fields_of(alices.get("/send/?change"))
    assert kept.items() >= {"recipient": "bob", "amount": "20.50", "memo": "Lunch"}.items()
    assert fields_of(alices.get("/send/"))["amount"] == ""


def test_it_fills_in_the_recipient_from_a_link(alices: Client) -> None:
    assert fields_of(alices.get("/send/?to=bob"))["recipient"] == "bob"


@pytest.mark.parametrize(
    "draft",
    [
        pytest.param("", id="empty"),
        pytest.param("rubbish", id="unsigned"),
        pytest.param(signing.dumps({"a": 1}), id="of-another-kind"),
        pytest.param(signing.dumps([1], salt="x"), id="of-another-form"),
    ],
)
def test_it_starts_again_if_the_review_was_tampered_with(alices: Client, alice: User, bob: User, draft: str) -> None:
    give(alice, 5_000)
    data = reviewed(alices) | {"draft": draft}
    assert send(alices, REVIEW, data)["Location"] == "/send/"
    assert balance_of(bob) == 0


def test_it_does_not_send_another_users_review(
    alices: Client, bobs: Client, alice: User, bob: User, charlie: User
) -> None:
    give(alice, 5_000)
    give(bob, 5_000)
    data = reviewed(alices, recipient="charlie")
    assert send(bobs, REVIEW, data)["Location"] == "/send/"
    assert balance_of(charlie) == 0


def test_it_starts_again_when_a_review_is_half_an_hour_old(alices: Client, alice: User, bob: User) -> None:
    give(alice, 5_000)
    data = reviewed(alices)
    with time_machine.travel(timezone.now() + datetime.timedelta(minutes=31)):
        response = send(alices, REVIEW, data)
    assert response["Location"] == "/send/"
    assert balance_of(bob) == 0
    assert "nothing was sent" in text_of(alices.get("/send/"))


def test_it_shows_no_review_before_something_is_entered(alices: Client) -> None:
    assert alices.get(REVIEW)["Location"] == "/send/"
