"""Every error code of the catalogue occurs over REST. A code without a case fails the tests."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from tests.api.client import Api, Person, api_client, assert_problem, json_of
from tests.funding.provider import SECRET, Provider
from tests.people import person
from transactions.funding.deposits import provider_user
from transactions.funding.payouts import payout_return
from transactions.models import Job
from transactions.settlement.dead_letters import dead_letter_fail
from wallets.api.problems import STATUS
from wallets.domain.errors import CATALOGUE, ErrorCode
from wallets.domain.mandates import Ceiling, Scope
from wallets.domain.money import AMOUNT_MAX, BALANCE_MAX
from wallets.gateway import wallet_gateway
from wallets.models import Wallet
from wallets.services import wallet_close, wallet_freeze, wallet_open
from wallets.spending import limits_set
from wallets.tokens.services import token_issue


@dataclass
class World:
    """Alice, Bob and the requests that a case may make."""

    alice: Person
    bob: Person
    patch: pytest.MonkeyPatch
    settings: Settings

    def deposit(self, amount: object = 5, **headers: str) -> HttpResponse:
        return self.alice.api.post(f"{self.alice.wallet_path}/deposits", {"amount": amount}, **headers)

    def withdraw(self, amount: int) -> HttpResponse:
        return self.alice.api.post(f"{self.alice.wallet_path}/withdrawals", {"amount": amount})

    def transfer(self, **fields: Any) -> HttpResponse:
        body = {"source": str(self.alice.wallet.pk), "amount": 5, **fields}
        return self.alice.api.post("/transfers", body)

    def fail(self, error: Exception) -> HttpResponse:
        """The answer if a view raises this error."""

        def raised(**_: object) -> None:
            raise error

        self.patch.setattr(wallet_gateway(), "wallet_view_list", raised)
        return self.alice.api.get("/wallets")


CASES: dict[ErrorCode, Callable[[World], HttpResponse]] = {}
Case = Callable[[World], HttpResponse]


def case(code: ErrorCode) -> Callable[[Case], Case]:
    def register(function: Case) -> Case:
        CASES[code] = function
        return function

    return register


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_code_occurs(
    alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch, settings: Settings, code: ErrorCode
) -> None:
    response = CASES[code](World(alice, bob, monkeypatch, settings))

    problem = assert_problem(response, code.value, STATUS[code])
    assert problem["title"] == CATALOGUE[code].title
    assert problem["retryable"] == CATALOGUE[code].retryable
    assert ("Retry-After" in response) == (code in WAITING)
    json.dumps(problem, allow_nan=False)


WAITING = {ErrorCode.RATE_LIMITED, ErrorCode.UNAVAILABLE, ErrorCode.IDEMPOTENCY_IN_PROGRESS}


@case(ErrorCode.MALFORMED)
def _(world: World) -> HttpResponse:
    return world.deposit("five")


@case(ErrorCode.NOT_AUTHENTICATED)
def _(world: World) -> HttpResponse:
    return Api().get("/me")


@case(ErrorCode.PERMISSION_DENIED)
def _(world: World) -> HttpResponse:
    # No operation of v1 answers this for missing rights: another user's objects are not found.
    return world.fail(PermissionDenied())


@case(ErrorCode.CSRF_FAILED)
def _(world: World) -> HttpResponse:
    browser = Api(client=api_client())
    browser.client.force_login(world.alice.user)
    return browser.post("/wallets", {"currency": "EUR"})


@case(ErrorCode.NOT_FOUND)
def _(world: World) -> HttpResponse:
    return world.alice.api.get(world.bob.wallet_path)


@case(ErrorCode.METHOD_NOT_ALLOWED)
def _(world: World) -> HttpResponse:
    return world.alice.api.get("/transfers")


@case(ErrorCode.NOT_ACCEPTABLE)
def _(world: World) -> HttpResponse:
    return world.alice.api.get("/me", Accept="application/xml")


@case(ErrorCode.PAYLOAD_TOO_LARGE)
def _(world: World) -> HttpResponse:
    return world.alice.api.send("/wallets", b" " * 1_048_577)


@case(ErrorCode.UNSUPPORTED_MEDIA_TYPE)
def _(world: World) -> HttpResponse:
    return world.alice.api.send("/wallets", b"currency=EUR", content_type="text/plain")


@case(ErrorCode.WALLET_EXISTS)
def _(world: World) -> HttpResponse:
    return world.alice.api.post("/wallets", {"currency": "USD"})


@case(ErrorCode.IDEMPOTENCY_IN_PROGRESS)
def _(world: World) -> HttpResponse:
    with _elsewhere() as other, other.cursor() as cursor:
        cursor.execute(
            "INSERT INTO transactions_transaction (id, kind, status, currency, amount, source_id, destination_id, memo,"
            " initiator_id, idempotency_key, created_at, settled_at, failure_code)"
            " VALUES (1, 'transfer', 'failed', 'USD', 5, %s, %s, '', %s, 'once', now(), now(), 'insufficient_funds')",
            [world.alice.wallet.pk, world.bob.wallet.pk, world.alice.user.pk],
        )
        return world.deposit(Idempotency_Key="once")


@case(ErrorCode.IDEMPOTENCY_KEY_REUSED)
def _(world: World) -> HttpResponse:
    world.deposit(5, Idempotency_Key="once")
    return world.deposit(6, Idempotency_Key="once")


@case(ErrorCode.RECIPIENT_NOT_FOUND)
def _(world: World) -> HttpResponse:
    return world.transfer(recipient="nobody")


@case(ErrorCode.SAME_WALLET)
def _(world: World) -> HttpResponse:
    return world.transfer(recipient="alice")


@case(ErrorCode.CURRENCY_MISMATCH)
def _(world: World) -> HttpResponse:
    return world.transfer(destination=str(wallet_open(owner=world.bob.user, currency="EUR").pk))


@case(ErrorCode.WALLET_CLOSED)
def _(world: World) -> HttpResponse:
    wallet_close(wallet_id=world.alice.wallet.pk, actor=world.bob.user, reason="moved away")
    return world.deposit()


@case(ErrorCode.WALLET_FROZEN)
def _(world: World) -> HttpResponse:
    wallet_freeze(wallet_id=world.alice.wallet.pk, actor=world.bob.user, reason="lost phone")
    return world.deposit()


@case(ErrorCode.INSUFFICIENT_FUNDS)
def _(world: World) -> HttpResponse:
    return world.withdraw(1)


@case(ErrorCode.RECIPIENT_CANNOT_RECEIVE)
def _(world: World) -> HttpResponse:
    world.alice.deposit(100)
    wallet_freeze(wallet_id=world.bob.wallet.pk, actor=world.alice.user, reason="lost phone")
    return world.transfer(recipient="bob")


@case(ErrorCode.SETTLEMENT_FAILED)
def _(world: World) -> HttpResponse:
    """Staff failed a transfer, and its sender repeats the request synchronously."""
    body = {"source": str(world.alice.wallet.pk), "recipient": "bob", "amount": 5}
    world.alice.api.post("/api/v2/transfers", body, Idempotency_Key="lunch")
    Job.objects.update(dead_at=timezone.now())
    dead_letter_fail(transaction_id=Job.objects.get().transaction_id, actor=person("charlie"), note="test")
    return world.alice.api.post("/transfers", body, Idempotency_Key="lunch")


@case(ErrorCode.BALANCE_LIMIT_EXCEEDED)
def _(world: World) -> HttpResponse:
    for _number in range(BALANCE_MAX // AMOUNT_MAX):
        world.alice.deposit(AMOUNT_MAX)
    return world.deposit(AMOUNT_MAX)


@case(ErrorCode.INSUFFICIENT_SCOPE)
def _(world: World) -> HttpResponse:
    _, secret = token_issue(user=world.alice.user, name="reader", scopes=[Scope.READ])
    return Api(token=secret).post("/wallets", {"currency": "EUR"})


@case(ErrorCode.TOKEN_CEILING_EXCEEDED)
def _(world: World) -> HttpResponse:
    world.alice.deposit(100)
    ceilings = [Ceiling(currency="USD", per_payment=10)]
    _, secret = token_issue(user=world.alice.user, name="till", ceilings=ceilings)
    return Api(token=secret).post(f"{world.alice.wallet_path}/withdrawals", {"amount": 11})


@case(ErrorCode.SPENDING_LIMIT_EXCEEDED)
def _(world: World) -> HttpResponse:
    world.alice.deposit(100)
    limits_set(owner=world.alice.user, wallet_id=world.alice.wallet.pk, per_payment=99, per_day=None)
    return world.withdraw(100)


@case(ErrorCode.STEP_UP_REQUIRED)
def _(world: World) -> HttpResponse:
    """A browser that has been left alone for longer than STEP_UP_FRESH_S."""
    browser = Api(client=Client())
    browser.client.force_login(world.alice.user)
    return browser.post(f"{world.alice.wallet_path}/withdrawals", {"amount": 1})


@case(ErrorCode.FUNDING_CLOSED)
def _(world: World) -> HttpResponse:
    world.settings.FUNDING = "staff"
    return world.deposit()


@case(ErrorCode.PAYOUT_RETURNED)
def _(world: World) -> HttpResponse:
    """The provider confirms a pay-out that it returned before."""
    world.alice.deposit(5)
    withdrawal_id = json_of(world.withdraw(5))["id"]
    payout_return(withdrawal_id=int(withdrawal_id), initiator=provider_user(), reason="Bounced")
    world.settings.FUNDING, world.settings.FUNDING_WEBHOOK_SECRETS = "provider", [SECRET]
    return Provider().send("payout.confirmed", {"withdrawal": withdrawal_id})


@case(ErrorCode.RATE_LIMITED)
def _(world: World) -> HttpResponse:
    world.settings.THROTTLE_ENABLED = True
    answers = (Api().post("/auth/login", {"username": "alice", "password": "wrong"}) for _ in range(50))
    return next(answer for answer in answers if answer.status_code != STATUS[ErrorCode.NOT_AUTHENTICATED])


@case(ErrorCode.UNAVAILABLE)
def _(world: World) -> HttpResponse:
    with _elsewhere() as other, other.cursor() as cursor:
        cursor.execute("SELECT FROM wallets_wallet WHERE id = %s FOR UPDATE", [world.alice.wallet.pk])
        return world.deposit()


@case(ErrorCode.INTERNAL_ERROR)
def _(world: World) -> HttpResponse:
    return world.fail(RuntimeError("a mistake of ours"))


@contextmanager
def _elsewhere() -> Iterator[BaseDatabaseWrapper]:
    """A second connection in a database transaction. The first one waits only briefly for its locks."""
    other = connections.create_connection("default")
    other.set_autocommit(False)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
    try:
        yield other
    finally:
        other.rollback()
        other.close()
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")


@pytest.mark.django_db(transaction=True)
def test_a_busy_wallet_changes_nothing(
    alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    CASES[ErrorCode.UNAVAILABLE](World(alice, bob, monkeypatch, settings))

    assert Wallet.objects.get(pk=alice.wallet.pk).version == 0
