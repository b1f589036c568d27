"""Opening wallets, and tokens for programs."""

import re
from typing import Any

import pytest
from django.test import Client

from tests.pages.kit import fill, forms_of, give, reauthenticated, send, text_of, wallet_of
from wallets.models import ApiToken, User, Wallet
from wallets.services import wallet_open
from wallets.tokens.services import token_issue


def secret_of(response: Any) -> str:
    found = re.search(r'<code id="secret">([^<]+)</code>', text_of(response))
    return found[1] if found else ""


def test_it_opens_a_wallet_in_another_currency(alices: Client, alice: User) -> None:
    response = fill(alices, "/wallets/", currency="EUR")
    assert response["Location"] == "/wallets/"
    assert wallet_of(alice, "EUR").balance == 0
    assert "Your EUR wallet is open." in text_of(alices.get("/wallets/"))


@pytest.mark.parametrize("currency", ["", "USD", "XXX", "eur", "\0"])
def test_it_refuses_a_currency_that_the_user_has_or_that_does_not_exist(
    alices: Client, alice: User, currency: str
) -> None:
    response = fill(alices, "/wallets/", currency=currency)
    assert response.status_code == 422
    assert 'id="id_currency_error"' in text_of(response)
    assert Wallet.objects.filter(owner=alice).count() == 1


def test_with_a_cold_cache_it_lists_any_number_of_wallets_with_four_queries(
    alices: Client, alice: User, django_assert_num_queries: Any
) -> None:
    for currency in ("EUR", "JPY", "KWD", "CHF"):
        wallet_open(owner=alice, currency=currency)
    give(alice, 500)
    # The session, the user, the ids of the wallets, their views.
    with django_assert_num_queries(4):
        page = text_of(alices.get("/wallets/"))
    assert "Kuwaiti Dinar" in page


def test_it_shows_a_new_tokens_secret_once(alices: Client, alice: User) -> None:
    response = fill(reauthenticated(alices), "/tokens/", name="Till", valid_days="30")
    assert response.status_code == 201
    assert ApiToken.objects.get(user=alice).name == "Till"
    secret = secret_of(response)
    assert len(secret) > 40
    assert "no-store" in response["Cache-Control"]
    again = alices.get("/tokens/")
    assert "Till" in text_of(again)
    assert secret not in text_of(again)


def test_it_gives_a_token_that_works_for_the_api(alices: Client, alice: User) -> None:
    secret = secret_of(fill(reauthenticated(alices), "/tokens/", name="Till", valid_days="30"))
    response = Client().get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"})
    assert response.json()["username"] == "alice"


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "\0"])
def test_it_refuses_a_token_without_a_name(alices: Client, alice: User, name: str) -> None:
    assert fill(reauthenticated(alices), "/tokens/", name=name, valid_days="30").status_code == 422
    assert not ApiToken.objects.filter(user=alice).exists()


def test_it_revokes_a_token(alices: Client, alice: User) -> None:
    token_issue(user=alice, name="Till")
    revoking = forms_of(alices.get("/tokens/"))[-1]
    assert send(alices, "/tokens/revoke/", revoking)["Location"] == "/tokens/"
    assert not ApiToken.objects.exists()


def test_it_neither_shows_nor_revokes_another_users_token(alices: Client, alice: User, bob: User) -> None:
    token, _ = token_issue(user=bob, name="Bobs till")
    assert "Bobs till" not in text_of(alices.get("/tokens/"))
    for digest in (token.digest, f"{token.digest[:-1]}\0", "x" * 100_000, ""):
        assert send(alices, "/tokens/revoke/", {"digest": digest}).status_code == 404
    assert ApiToken.objects.count() == 1


def test_it_lists_any_number_of_tokens_with_six_queries(
    alices: Client, alice: User, django_assert_num_queries: Any
) -> None:
    for number in range(9):
        token_issue(user=alice, name=f"Till {number}")
    # The session, the user, the ids of the wallets, their views, the tokens, their ceilings.
    with django_assert_num_queries(6):
        alices.get("/tokens/")
