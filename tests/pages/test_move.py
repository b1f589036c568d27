"""Adding and withdrawing money."""

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from tests.pages.kit import balance_of, fields_of, fill, give, send, text_of, wallet_of
from transactions.models import Transaction
from wallets.models import User
from wallets.services import wallet_freeze, wallet_open


def test_it_adds_money_and_shows_the_receipt(alices: Client, alice: User) -> None:
    response = fill(alices, "/add/", amount="1,234.5", memo="Salary")
    transaction = Transaction.objects.get()
    assert response.status_code == 302
    assert response["Location"] == f"/transactions/{transaction.id}/?done=now"
    assert balance_of(alice) == 123_450
    page = text_of(alices.get(response["Location"]))
    assert "Money added" in page
    assert "+$1,234.50" in page
    assert "Salary" in page


def test_it_withdraws_money_and_shows_the_receipt(alices: Client, alice: User) -> None:
    give(alice, 5_000)
    response = fill(alices, "/withdraw/", amount="$20")
    assert balance_of(alice) == 3_000
    assert "Money withdrawn" in text_of(alices.get(response["Location"]))


@pytest.mark.parametrize("path", ["/add/", "/withdraw/"])
def test_it_moves_money_once_if_the_same_form_is_submitted_twice(alices: Client, alice: User, path: str) -> None:
    give(alice, 10_000)
    data = fields_of(alices.get(path)) | {"amount": "5"}
    first, second = send(alices, path, data), send(alices, path, data)
    assert Transaction.objects.count() == 2
    assert abs(balance_of(alice) - 10_000) == 500
    assert first["Location"].partition("?")[0] == second["Location"].partition("?")[0]
    assert "The money moved only once" in text_of(alices.get(second["Location"]))


def test_it_moves_nothing_if_a_used_form_is_submitted_with_another_amount(alices: Client, alice: User) -> None:
    data = fields_of(alices.get("/add/")) | {"amount": "5"}
    send(alices, "/add/", data)
    response = send(alices, "/add/", data | {"amount": "7"})
    assert response.status_code == 422
    assert "no money moved this time" in text_of(response)
    assert balance_of(alice) == 500
    # The form comes back with a new key: submitted once more, it creates a new transaction.
    assert send(alices, "/add/", fields_of(response)).status_code == 302
    assert balance_of(alice) == 1_200


@pytest.mark.parametrize(
    ("amount", "sentence"),
    [
        ("", "Enter an amount."),
        ("0", "Enter an amount greater than zero."),
        ("-5", "Enter an amount such as"),
        ("1e3", "Enter an amount such as"),
        ("NaN", "Enter an amount such as"),
        ("\N{ARABIC-INDIC DIGIT FIVE}", "Enter an amount such as"),
        ("1.005", "USD allows at most 2 decimal places."),
        ("9" * 30, "The maximum amount is"),
        ("9" * 41, "at most 40 characters"),
    ],
)
def test_it_shows_at_the_amount_why_it_is_invalid(alices: Client, alice: User, amount: str, sentence: str) -> None:
    response = fill(alices, "/add/", amount=amount, memo="Kept")
    page = text_of(response)
    assert response.status_code == 422
    assert sentence in page
    assert 'href="#id_amount"' in page
    assert 'aria-describedby="id_amount_error"' in page
    assert fields_of(response)["memo"] == "Kept"
    assert fields_of(response)["amount"] == amount
    assert balance_of(alice) == 0


def test_it_shows_insufficient_funds_at_the_amount(alices: Client, alice: User) -> None:
    give(alice, 500)
    response = fill(alices, "/withdraw/", amount="5.01")
    assert response.status_code == 422
    assert "This wallet does not hold that much." in text_of(response)
    assert balance_of(alice) == 500


def test_it_reads_the_amount_in_the_currency_of_the_wallet(alices: Client, alice: User) -> None:
    yen = wallet_open(owner=alice, currency="JPY")
    assert fill(alices, "/add/", amount="500", wallet=str(yen.id)).status_code == 302
    assert balance_of(alice, "JPY") == 500
    response = fill(alices, "/add/", amount="500.5", wallet=str(yen.id))
    assert "JPY has no decimal places." in text_of(response)


@pytest.mark.parametrize("path", ["/add/", "/withdraw/"])
def test_it_does_not_touch_another_users_wallet(alices: Client, bob: User, path: str) -> None:
    give(bob, 5_000)
    response = fill(alices, path, amount="5", wallet=str(wallet_of(bob).id))
    assert response.status_code == 422
    assert balance_of(bob) == 5_000


@pytest.mark.parametrize("path", ["/add/", "/withdraw/"])
def test_it_refuses_a_frozen_wallet(alices: Client, alice: User, bob: User, path: str) -> None:
    give(alice, 5_000)
    wallet_freeze(wallet_id=wallet_of(alice).id, actor=bob, reason="A test")
    response = fill(alices, path, amount="5")
    assert response.status_code == 422
    assert "Frozen" in text_of(response)
    assert balance_of(alice) == 5_000


@pytest.mark.parametrize("key", ["", "web:no", "x" * 500, "web:" + "é" * 36])
def test_it_gives_a_form_with_an_invalid_key_a_new_one(alices: Client, alice: User, key: str) -> None:
    response = fill(alices, "/add/", amount="5", idempotency_key=key)
    assert response.status_code == 422
    assert balance_of(alice) == 0
    assert send(alices, "/add/", fields_of(response)).status_code == 302
    assert balance_of(alice) == 500


def test_it_accepts_a_note_of_at_most_200_characters(alices: Client, alice: User) -> None:
    assert fill(alices, "/add/", amount="5", memo="ä" * 200).status_code == 302
    assert fill(alices, "/add/", amount="5", memo="ä" * 201).status_code == 422
    assert balance_of(alice) == 500


def test_it_answers_503_while_the_ledger_is_away(alices: Client, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    data = fields_of(alices.get("/add/")) | {"amount": "5"}

    def gone(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("the connection is lost")

    monkeypatch.setattr("transactions.services.post", gone)
    response = send(alices, "/add/", data)
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert "Your money is safe" in text_of(response)
    monkeypatch.undo()
    # As the page says: the same form, submitted again, moves the money once.
    assert send(alices, "/add/", data).status_code == 302
    assert balance_of(alice) == 500


def test_it_leads_a_user_without_a_wallet_to_open_one(db: None, client: Client) -> None:
    client.force_login(User.objects.create_user("root", "root@example.com"))
    for path in ("/", "/add/", "/withdraw/", "/send/", "/history/"):
        assert 'href="/wallets/"' in text_of(client.get(path)).partition("<main")[2]
    assert fill(client, "/add/", amount="5").status_code == 422
