"""The payment provider's webhooks: each takes effect once, and nobody else can send them."""

import json
from typing import Any

import pytest
from pytest_django import Settings

from tests.concurrency.crowd import at_once
from tests.funding.provider import OTHER_SECRET, SECRET, URL, Provider, code_of
from tests.people import balance_of, status_set
from transactions.models import Payout, Transaction
from transactions.services import withdrawal_create
from wallets.models import User, Wallet, WalletStatus


def _deposit(target: Wallet, **changes: Any) -> dict[str, Any]:
    return {"id": "pay_1", "wallet": str(target.id), "amount": 250, "currency": "USD", **changes}


def test_a_reported_deposit_is_posted_once(provider: Provider, wallet: Wallet) -> None:
    for _ in range(3):
        assert code_of(provider.send("deposit.received", _deposit(wallet, memo="Salary"))) == "done"

    assert balance_of(wallet) == 1_250
    assert Transaction.objects.get(memo="Salary").amount == 250


def test_deposits_with_different_ids_are_different_deposits(provider: Provider, wallet: Wallet) -> None:
    for name in ("pay_1", "pay_2"):
        assert code_of(provider.send("deposit.received", _deposit(wallet, id=name))) == "done"

    assert balance_of(wallet) == 1_500


def test_one_id_with_another_amount_is_refused(provider: Provider, wallet: Wallet) -> None:
    provider.send("deposit.received", _deposit(wallet))

    assert code_of(provider.send("deposit.received", _deposit(wallet, amount=999))) == "idempotency_key_reused"

    assert balance_of(wallet) == 1_250


def test_the_owners_own_keys_do_not_collide_with_the_providers(provider: Provider, wallet: Wallet, alice: User) -> None:
    withdrawal_create(actor=alice, wallet_id=wallet.id, amount=1, idempotency_key="deposit:pay_1")

    assert code_of(provider.send("deposit.received", _deposit(wallet))) == "done"
    assert balance_of(wallet) == 1_249


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"wallet": "840"}, "not_found"),
        ({"wallet": "99999999999"}, "not_found"),
        ({"currency": "EUR"}, "currency_mismatch"),
        ({"currency": "XXX"}, "malformed"),
        ({"amount": 0}, "malformed"),
        ({"amount": "250"}, "malformed"),
        ({"amount": 2.5}, "malformed"),
        ({"id": ""}, "malformed"),
        ({"id": "ünïcode"}, "malformed"),
        ({"id": "x" * 121}, "malformed"),
        ({"fee": 5}, "malformed"),
    ],
)
def test_a_wrong_event_is_refused_and_changes_nothing(
    changes: dict[str, Any], code: str, provider: Provider, wallet: Wallet
) -> None:
    assert code_of(provider.send("deposit.received", _deposit(wallet, **changes))) == code
    assert balance_of(wallet) == 1_000


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"{", b'{"type":"x","timestamp":"t","data":{}}', b"\xff"])
def test_a_malformed_body_is_refused(body: bytes, provider: Provider) -> None:
    assert code_of(provider.send_body(body)) == "malformed"


def test_a_deposit_to_a_frozen_wallet_is_refused_until_it_is_reopened(provider: Provider, wallet: Wallet) -> None:
    status_set(wallet, WalletStatus.FROZEN)
    assert code_of(provider.send("deposit.received", _deposit(wallet))) == "wallet_frozen"

    status_set(wallet, WalletStatus.OPEN)

    assert code_of(provider.send("deposit.received", _deposit(wallet))) == "done"
    assert balance_of(wallet) == 1_250


def test_payouts_are_confirmed_and_returned(provider: Provider, wallet: Wallet, withdrawal_id: int) -> None:
    confirmed = {"withdrawal": str(withdrawal_id), "reference": "SEPA-9"}
    assert code_of(provider.send("payout.confirmed", confirmed)) == "done"
    assert Payout.objects.get().reference == "SEPA-9"

    for _ in range(2):
        returned = {"withdrawal": str(withdrawal_id), "reason": "Account closed"}
        assert code_of(provider.send("payout.returned", returned)) == "done"

    assert balance_of(wallet) == 1_000
    assert code_of(provider.send("payout.confirmed", confirmed)) == "payout_returned"


@pytest.mark.parametrize(
    ("secret", "headers"),
    [
        (OTHER_SECRET, {}),
        (SECRET, {"webhook_signature": ""}),
        (SECRET, {"webhook_signature": "v1,AAAA"}),
        (SECRET, {"webhook_timestamp": "1"}),
        (SECRET, {"webhook_id": "msg_another"}),
    ],
)
def test_a_forged_event_is_refused(secret: str, headers: dict[str, str], provider: Provider, wallet: Wallet) -> None:
    forger = Provider(secret=secret)

    answer = forger.send("deposit.received", _deposit(wallet), **headers)

    assert (answer.status_code, code_of(answer)) == (401, "not_authenticated")
    assert balance_of(wallet) == 1_000


def test_an_event_of_six_minutes_ago_is_refused(provider: Provider, wallet: Wallet) -> None:
    assert code_of(Provider(late_s=360).send("deposit.received", _deposit(wallet))) == "not_authenticated"


def test_a_signed_body_cannot_be_exchanged(provider: Provider, wallet: Wallet) -> None:
    signed = provider.send("deposit.received", _deposit(wallet))
    request = signed.wsgi_request  # type: ignore[attr-defined]
    headers = {name: request.headers[name] for name in request.headers if name.lower().startswith("webhook-")}
    body = json.dumps({"type": "deposit.received", "timestamp": "t", "data": _deposit(wallet, id="x", amount=9_999)})

    answer = provider.client.post(URL, body, content_type="application/json", headers=headers)

    assert answer.status_code == 401
    assert balance_of(wallet) == 1_250


def test_a_secret_is_replaced_without_losing_an_event(provider: Provider, wallet: Wallet, settings: Settings) -> None:
    settings.FUNDING_WEBHOOK_SECRETS = [OTHER_SECRET, SECRET]

    assert code_of(provider.send("deposit.received", _deposit(wallet))) == "done"
    assert code_of(Provider(secret=OTHER_SECRET).send("deposit.received", _deposit(wallet, id="pay_2"))) == "done"


def test_without_a_provider_the_door_is_closed(by_staff: None, wallet: Wallet) -> None:
    answer = Provider().send("deposit.received", _deposit(wallet))

    assert (answer.status_code, code_of(answer)) == (403, "funding_closed")


def test_nobody_can_sign_in_as_the_provider_or_register_its_name(provider: Provider, wallet: Wallet) -> None:
    provider.send("deposit.received", _deposit(wallet))
    wanted = {"username": "@provider", "email": "mallory@example.com", "password": "correct horse battery staple"}

    register = provider.client.post("/api/v1/auth/register", wanted, content_type="application/json")
    login = provider.client.post(
        "/api/v1/auth/login", {"username": "@provider", "password": "!"}, content_type="application/json"
    )

    assert (register.status_code, login.status_code) == (400, 401)


@pytest.mark.django_db(transaction=True)
def test_of_many_deliveries_at_once_one_moves_the_money(provider: Provider, wallet: Wallet) -> None:
    answers = at_once([lambda: code_of(Provider().send("deposit.received", _deposit(wallet))) for _ in range(8)])

    assert {answer.value for answer in answers} == {"done"}
    assert balance_of(wallet) == 1_250
