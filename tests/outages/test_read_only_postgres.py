"""A Postgres that takes no writes: nothing moves, every entry point says so, and nothing is held against a transfer."""

import json

import grpc
import pytest
from django.db import DatabaseError
from django.test import Client

from tests.api.client import Api
from tests.outages.conftest import ReadOnly
from tests.people import PASSWORD, balance_of, funded, wallet_of
from tests.rpc.caller import Caller
from tests.rpc.fixtures import StartServer
from tests.rpc.test_serving import NOT_SERVING, SERVING, health
from tests.settlement.transfers import accept, drain, transfer
from tests.settlement.waiting import wait_until
from transactions.models import Job, Status, Transaction
from wallet_project.health import ready_in_detail
from wallet_proto.v1 import wallet_pb2 as pb
from wallets.models import User, Wallet
from wallets.tokens.services import token_issue

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def api(alice: User) -> Api:
    _, token = token_issue(user=alice, name="test")
    return Api(token=token)


@pytest.fixture
def alices(alice: User) -> Client:
    client = Client(raise_request_exception=False)
    assert client.login(username="alice", password=PASSWORD)
    return client


def test_rest_answers_503_to_writes_and_still_answers_reads(api: Api, alice: User, read_only_later: ReadOnly) -> None:
    wallet = wallet_of(alice)
    read_only_later.on()

    for path, body in [
        (f"/wallets/{wallet.id}/deposits", {"amount": 5}),
        ("/wallets", {"currency": "EUR"}),
        ("/auth/register", {"username": "dora", "email": "dora@example.com", "password": PASSWORD}),
        ("/auth/login", {"username": "alice", "password": PASSWORD}),
    ]:
        response = api.post(path, body)
        assert (response.status_code, response["Retry-After"]) == (503, "5"), path
        assert json.loads(response.content)["code"] == "unavailable"
    assert api.get(f"/wallets/{wallet.id}").status_code == 200
    assert api.get(f"/wallets/{wallet.id}/transactions").status_code == 200

    read_only_later.off()
    assert api.post(f"/wallets/{wallet.id}/deposits", {"amount": 5}).status_code == 201
    assert balance_of(wallet) == 5


def test_pages_that_write_are_unavailable_and_others_are_shown(
    alices: Client, alice: User, read_only_later: ReadOnly
) -> None:
    read_only_later.on()

    assert alices.get("/").status_code == 200
    for client, path, form in [
        (alices, "/wallets/", {"currency": "EUR"}),
        (Client(raise_request_exception=False), "/accounts/login/", {"login": "alice", "password": PASSWORD}),
        (alices, "/accounts/logout/", {}),
    ]:
        response = client.post(path, form)
        assert (response.status_code, response.headers.get("Retry-After")) == (503, "5"), path


def test_it_is_not_ready(client: Client, read_only_later: ReadOnly) -> None:
    read_only_later.on()
    assert client.get("/readyz").status_code == 503
    assert json.loads(ready_in_detail().body)["parts"]["postgres"] == "read-only"

    read_only_later.off()
    assert client.get("/readyz").status_code == 200


def test_grpc_answers_unavailable_and_its_health_says_so(
    alice: User, start_server: StartServer, read_only_later: ReadOnly
) -> None:
    _, token = token_issue(user=alice, name="test")
    wallet_id = str(wallet_of(alice).id)
    server = start_server(DATABASE_CONN_MAX_AGE_S="0")
    with server.channel() as channel:
        calls = Caller(channel, token)
        wait_until(lambda: health(channel, "") == SERVING, what="the server serves")
        read_only_later.on()

        wait_until(lambda: health(channel, "") == NOT_SERVING, what="the health service tells")
        refusal = calls.refused(
            "Deposit", pb.DepositRequest(wallet_id=wallet_id, amount=pb.Money(minor_units=5, currency="USD"))
        )
        assert (refusal.status, refusal.code) == (grpc.StatusCode.UNAVAILABLE, "unavailable")
        assert refusal.retry_after_s == 5
        assert calls.call("GetWallet", pb.GetWalletRequest(wallet_id=wallet_id)).wallet.version == 0

        read_only_later.off()
        wait_until(lambda: health(channel, "") == SERVING, what="the server serves again")


def test_a_read_only_database_uses_up_no_attempt_of_a_transfer(read_only_later: ReadOnly) -> None:
    alice, bob = funded("alice", 100), funded("bob")
    accept([transfer(alice, bob)] * 3)
    read_only_later.on()

    for _ in range(20):
        with pytest.raises(DatabaseError):
            drain(alice)

    assert set(Job.objects.values_list("attempts", "dead_at")) == {(0, None)}
    read_only_later.off()
    assert drain(alice).posted == 3
    assert set(Transaction.objects.filter(source=alice).values_list("status", flat=True)) == {Status.POSTED}
    assert balance_of(Wallet.objects.get(id=bob.id)) == 3
