"""Sending in the background: the second button of the review, and the pages that show the outcome."""

import datetime
import html
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from tests.pages.kit import balance_of, fields_of, fill, give, read, send, settle, submitted, text_of, wallet_of
from transactions.models import Job, Status, Transaction
from transactions.services import withdrawal_create
from transactions.settlement.dead_letters import dead_letter_fail
from transactions.views.receipt import LOOK_DELAYS_S
from wallets.models import User
from wallets.services import wallet_freeze

REVIEW = "/send/review/"
LOOK = {"HX-Request": "true"}


def reviewed(client: Client, **entered: str) -> dict[str, str]:
    """Fills in the form; returns the fields that the review page's main button would submit."""
    fill(client, "/send/", **({"recipient": "bob", "amount": "20", "memo": "Lunch"} | entered))
    return fields_of(client.get(REVIEW))


def in_background(data: dict[str, str]) -> dict[str, str]:
    return data | {"how": "background"}


def test_the_review_offers_both_buttons_with_the_same_draft(alices: Client, alice: User, bob: User) -> None:
    give(alice, 5_000)
    reviewed(alices)
    page = read(alices, REVIEW)
    assert "Send $20.00 to <bdi>bob</bdi>" in page
    assert "Send in the background" in page
    assert page.count('name="draft"') == 1


def test_it_is_pending_at_once_and_posted_later(alices: Client, alice: User, bob: User) -> None:
    give(alice, 5_000)
    response = send(alices, REVIEW, in_background(reviewed(alices)))
    transfer = Transaction.objects.get(kind="transfer")
    assert response["Location"] == f"/transactions/{transfer.pk}/?done=now"
    assert (transfer.status, transfer.memo, balance_of(bob)) == (Status.PENDING, "Lunch", 0)
    page = read(alices, response["Location"])
    assert "Transfer pending" in page
    assert "Refresh" in page
    settle()
    assert balance_of(bob) == 2_000
    page = read(alices, response["Location"])
    assert "Money sent" in page
    assert "hx-get" not in page


@pytest.mark.parametrize("first_in_background", [True, False])
@pytest.mark.parametrize("second_in_background", [True, False])
@pytest.mark.parametrize("settled_between", [True, False])
def test_it_moves_money_once_for_any_buttons_pressed(
    alices: Client, alice: User, bob: User, first_in_background: bool, second_in_background: bool, settled_between: bool
) -> None:
    give(alice, 5_000)
    data = reviewed(alices)
    first = send(alices, REVIEW, in_background(data) if first_in_background else data)
    if settled_between:
        settle()
    second = send(alices, REVIEW, in_background(data) if second_in_background else data)
    assert second["Location"] == first["Location"].replace("done=now", "done=again")
    assert "You submitted this form more than once." in read(alices, second["Location"])
    settle()
    assert (balance_of(alice), balance_of(bob)) == (3_000, 2_000)
    assert Transaction.objects.filter(kind="transfer").count() == 1


def test_the_other_button_leads_to_the_receipt_of_the_failed_transfer(alices: Client, alice: User, bob: User) -> None:
    give(alice, 5_000)
    data = reviewed(alices)
    send(alices, REVIEW, in_background(data))
    withdrawal_create(actor=alice, wallet_id=wallet_of(alice).id, amount=4_000)
    settle()
    page = read(alices, send(alices, REVIEW, data)["Location"])
    assert "Transfer failed" in page
    assert "Try again" in page


def test_it_refuses_an_invalid_transfer_at_once(alices: Client, alice: User, bob: User) -> None:
    give(alice, 5_000)
    data = reviewed(alices)
    wallet_freeze(wallet_id=wallet_of(alice).id, actor=bob, reason="A test")
    response = send(alices, REVIEW, in_background(data))
    assert response.status_code == 422
    assert "This wallet is not open." in text_of(response)
    assert not Job.objects.exists()


def test_a_poll_of_a_pending_transfer_is_answered_with_the_next_poll(
    alices: Client, alice: User, bob: User, django_assert_num_queries: Any
) -> None:
    path = submitted(alice)
    assert f'hx-get="{path}?done=now&look=1"' in read(alices, f"{path}?done=now")
    # The session, the user, the transaction with both sides.
    with django_assert_num_queries(3):
        response = alices.get(f"{path}?done=now&look=1", headers=LOOK)
    part = html.unescape(text_of(response))
    assert "<h1>" not in part
    assert f'hx-get="{path}?done=now&look=2"' in part
    assert "HX-Request" in response["Vary"]
    assert "HX-Retarget" not in response


def test_it_polls_less_and_less_often_and_stops(alices: Client, alice: User, bob: User) -> None:
    assert sorted(LOOK_DELAYS_S) == LOOK_DELAYS_S
    assert sum(LOOK_DELAYS_S) == 300
    path = submitted(alice)
    assert "load delay:1s" in read(alices, path)
    assert "load delay:10s" in read(alices, f"{path}?look={len(LOOK_DELAYS_S) - 1}", **LOOK)
    last = read(alices, f"{path}?look={len(LOOK_DELAYS_S)}", **LOOK)
    assert "hx-get" not in last
    assert f'href="{path}"' in last


@pytest.mark.parametrize("look", ["", "-1", "x", "9" * 5000, "\N{ARABIC-INDIC DIGIT FIVE}" * 4])
def test_it_accepts_an_invalid_poll_number(alices: Client, alice: User, bob: User, look: str) -> None:
    response = alices.get(submitted(alice), {"look": look}, headers=LOOK)
    assert response.status_code == 200
    assert "hx-get" not in text_of(response)


def test_a_poll_of_a_settled_transfer_is_answered_with_the_receipt(alices: Client, alice: User, bob: User) -> None:
    give(alice, 5_000)
    path = submitted(alice)
    settle()
    response = alices.get(f"{path}?look=1", headers=LOOK)
    part = text_of(response)
    assert (response["HX-Retarget"], response["HX-Reswap"]) == ("#receipt", "outerHTML")
    assert "<!DOCTYPE" not in part
    assert "<title>Money sent · Wallet</title>" in part
    assert "Completed" in part
    assert '<div id="news" hx-swap-oob="innerHTML">' in part


def test_it_says_that_a_transfer_takes_longer_than_usual(alices: Client, alice: User, bob: User) -> None:
    path = submitted(alice)
    assert "longer than usual" not in read(alices, path)
    with time_machine.travel(timezone.now() + datetime.timedelta(minutes=2)):
        assert "longer than usual" in read(alices, path)


def test_a_failed_transfer_says_why_and_offers_to_try_again_with_the_same_values(
    alices: Client, bobs: Client, alice: User, bob: User
) -> None:
    path = submitted(alice)
    settle()
    page = read(alices, path)
    assert "Transfer failed" in page
    assert "Your wallet did not hold enough money when the transfer was due. No money moved." in page
    again = f"/send/?again={Transaction.objects.get().pk}"
    assert f'href="{again}"' in page
    assert fields_of(alices.get(again)).items() >= {"recipient": "bob", "amount": "20.00", "memo": "Lunch"}.items()
    his = read(bobs, path)
    # Nothing about the sender's wallet.
    assert "The transfer could not be completed. No money moved." in his
    assert "enough money" not in his
    assert "Try again" not in his


def test_trying_again_is_a_new_transfer(alices: Client, alice: User, bob: User) -> None:
    send(alices, REVIEW, in_background(_reviewed_then_emptied(alices, alice)))
    settle()
    failed = Transaction.objects.get(kind="transfer", status=Status.FAILED)
    give(alice, 5_000)
    fill(alices, f"/send/?again={failed.pk}")
    send(alices, REVIEW, fields_of(alices.get(REVIEW)))
    assert balance_of(bob) == 2_000


def _reviewed_then_emptied(alices: Client, alice: User) -> dict[str, str]:
    give(alice, 5_000)
    data = reviewed(alices)
    withdrawal_create(actor=alice, wallet_id=wallet_of(alice).id, amount=5_000)
    return data


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("recipient_cannot_receive", "The recipient could not receive this transfer."),
        ("balance_limit_exceeded", "The recipient could not receive this transfer."),
        ("wallet_frozen", "One of the two wallets was frozen"),
        ("wallet_closed", "One of the two wallets was closed"),
        ("idempotency_key_reused", "is a duplicate of one that you submitted before"),
        ("settlement_failed", "our staff cancelled it"),
        ("not_found", "The transfer could not be completed."),
    ],
)
def test_each_failure_has_its_sentence(alices: Client, alice: User, bob: User, code: str, sentence: str) -> None:
    failed = Transaction.objects.create(
        kind="transfer",
        status=Status.FAILED,
        currency="USD",
        amount=100,
        source=wallet_of(alice),
        destination=wallet_of(bob),
        initiator=alice,
        created_at=timezone.now(),
        settled_at=timezone.now(),
        failure_code=code,
    )
    assert sentence in read(alices, f"/transactions/{failed.pk}/")


def test_a_transfer_that_staff_failed_says_so(alices: Client, alice: User, bob: User) -> None:
    path = submitted(alice)
    Job.objects.update(dead_at=timezone.now())
    dead_letter_fail(transaction_id=Transaction.objects.get().pk, actor=None, note="A test")
    assert "our staff cancelled it. No money moved." in read(alices, path)


@pytest.mark.parametrize("number", ["", "x", "0", "9" * 19, "9" * 5000])
def test_it_ignores_an_invalid_transfer_to_try_again(alices: Client, number: str) -> None:
    assert alices.get("/send/", {"again": number}).status_code in {200, 404}


def test_it_does_not_try_another_users_transfer_again(
    alices: Client, bobs: Client, alice: User, bob: User, charlie: User
) -> None:
    submitted(alice, memo="A secret")
    number = str(Transaction.objects.get().pk)
    assert fields_of(bobs.get("/send/", {"again": number}))["memo"] == ""
    strangers = Client()
    strangers.force_login(charlie)
    assert strangers.get("/send/", {"again": number}).status_code == 404


@pytest.mark.parametrize("headers", [{}, LOOK])
def test_only_the_users_of_both_sides_may_open_the_page(
    bobs: Client, alice: User, bob: User, charlie: User, headers: dict[str, str]
) -> None:
    path = submitted(alice)
    assert bobs.get(path, headers=headers).status_code == 200
    strangers = Client()
    strangers.force_login(charlie)
    assert strangers.get(path, headers=headers).status_code == 404
    assert Client().get(path, headers=headers).status_code == 302
