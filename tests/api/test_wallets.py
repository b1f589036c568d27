"""Wallets: users see and open only their own."""

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.api.client import Person, assert_problem, json_of
from wallets.domain.currencies import CURRENCIES
from wallets.models import Wallet
from wallets.services import wallet_freeze, wallet_open


def test_a_wallet_has_all_documented_fields(alice: Person) -> None:
    alice.deposit(1_250)

    body = json_of(alice.api.get(alice.wallet_path))

    assert body.pop("created_at").endswith("Z")
    assert body == {
        "id": str(alice.wallet.pk),
        "owner": "alice",
        "currency": "USD",
        "status": "open",
        "balance": 1_250,
        "version": 1,
    }


def test_the_list_has_the_users_wallets_oldest_first(alice: Person, bob: Person) -> None:
    euro = wallet_open(owner=alice.user, currency="EUR")

    results = json_of(alice.api.get("/wallets"))["results"]

    assert [wallet["id"] for wallet in results] == [str(alice.wallet.pk), str(euro.pk)]


def test_the_list_takes_as_many_queries_for_many_wallets_as_for_one(
    alice: Person, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for currency in ("EUR", "GBP", "JPY", "KWD"):
        wallet_open(owner=alice.user, currency=currency)

    with django_assert_num_queries(3):  # the token with its user, the ids of the wallets, their views
        assert len(json_of(alice.api.get("/wallets"))["results"]) == 5


def test_with_a_cold_cache_a_balance_takes_two_queries(
    alice: Person, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(2):  # the token with its user, the wallet with its owner
        alice.api.get(alice.wallet_path)


def test_a_wallet_is_opened_in_another_currency(alice: Person) -> None:
    response = alice.api.post("/wallets", {"currency": "KWD"})

    assert response.status_code == 201
    body = json_of(response)
    assert body["currency"] == "KWD"
    assert body["balance"] == 0
    assert response["Location"] == f"/api/v1/wallets/{body['id']}"
    assert json_of(alice.api.get(response["Location"])) == body


def test_a_second_wallet_in_the_same_currency_is_refused(alice: Person) -> None:
    assert_problem(alice.api.post("/wallets", {"currency": "USD"}), "wallet_exists", 409)


@pytest.mark.parametrize("currency", ["usd", "US", "USDT", "XAU", "", 840, None, ["EUR"], {"code": "EUR"}, "EUR\n"])
def test_an_unknown_currency_is_refused(alice: Person, currency: object) -> None:
    problem = assert_problem(alice.api.post("/wallets", {"currency": currency}), "malformed", 400)

    assert list(problem["errors"]) == ["currency"]
    assert Wallet.objects.filter(owner=alice.user).count() == 1


def test_every_currency_can_be_opened(alice: Person) -> None:
    for currency in sorted(set(CURRENCIES) - {"USD"}):
        assert alice.api.post("/wallets", {"currency": currency}).status_code == 201


def test_another_users_wallet_is_not_found(alice: Person, bob: Person) -> None:
    bob.deposit(500)

    assert_problem(alice.api.get(bob.wallet_path), "not_found", 404)
    assert_problem(alice.api.get(f"{bob.wallet_path}/transactions"), "not_found", 404)
    assert_problem(alice.api.post(f"{bob.wallet_path}/deposits", {"amount": 1}), "not_found", 404)
    assert_problem(alice.api.post(f"{bob.wallet_path}/withdrawals", {"amount": 1}), "not_found", 404)
    assert_problem(
        alice.api.post("/transfers", {"source": str(bob.wallet.pk), "destination": str(alice.wallet.pk), "amount": 1}),
        "not_found",
        404,
    )
    assert bob.balance() == 500


def test_the_outside_wallet_is_not_found(alice: Person) -> None:
    outside = Wallet.objects.get(currency="USD", owner=None)

    assert_problem(alice.api.get(f"/wallets/{outside.pk}"), "not_found", 404)
    to_outside = {"source": str(alice.wallet.pk), "destination": str(outside.pk), "amount": 1}
    assert_problem(alice.api.post("/transfers", to_outside), "not_found", 404)


def test_a_frozen_wallet_says_so(alice: Person, bob: Person) -> None:
    wallet_freeze(wallet_id=alice.wallet.pk, actor=bob.user, reason="lost phone")

    assert json_of(alice.api.get(alice.wallet_path))["status"] == "frozen"


def test_times_are_in_utc_for_any_time_zone_of_a_browser(alice: Person) -> None:
    alice.api.client.cookies["timezone"] = "Asia/Tokyo"

    assert json_of(alice.api.get(alice.wallet_path))["created_at"].endswith("Z")
