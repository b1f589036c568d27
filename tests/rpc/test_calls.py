"""What applies to every call: request id, limits, deadline and database connections."""

import json
import time
import urllib.request

import grpc
import pytest
from django.db import connection

from kit.limits.costs import address_key, user_key
from tests.rpc.buckets import bucket_empty
from tests.rpc.caller import Caller
from tests.rpc.conftest import Person
from tests.rpc.fixtures import StartServer
from tests.rpc.server import GrpcServer
from tests.rpc.test_methods import usd
from tests.settlement.locks import backends, wallet_held
from tests.settlement.waiting import wait_until
from transactions.limits import BULK, MONEY
from transactions.models import Transaction
from wallet_proto.v1 import wallet_pb2 as pb
from wallets.limits import ANONYMOUS


def lines(server: GrpcServer, method: str) -> list[dict[str, object]]:
    """The server's log lines of a method's calls."""
    found = [json.loads(line) for line in server.output().splitlines() if '"call_finished"' in line]
    return [line for line in found if str(line["method"]).endswith(f"/{method}")]


@pytest.mark.parametrize("said", ["field", "metadata"])
def test_a_request_id_is_echoed_and_logged(alice: Person, grpc_server: GrpcServer, said: str) -> None:
    request_id = f"by-{said}-{alice.wallet_id}"
    request = pb.GetWalletRequest(wallet_id=alice.wallet_id, request_id=request_id if said == "field" else "")
    metadata = request_id if said == "metadata" else "another"

    _, trailing = alice.calls.call_whole("GetWallet", request, x_request_id=metadata)

    assert trailing["x-request-id"] == request_id
    line = next(line for line in lines(grpc_server, "GetWallet") if line["request_id"] == request_id)
    assert (line["code"], line["user_id"]) == ("OK", alice.user.pk)
    assert alice.token not in grpc_server.output()


def test_every_call_is_measured(alice: Person, grpc_server: GrpcServer) -> None:
    alice.calls.call("ListWallets", pb.ListWalletsRequest())
    alice.calls.refused("GetWallet", pb.GetWalletRequest(wallet_id="1"))

    with urllib.request.urlopen(f"http://127.0.0.1:{grpc_server.metrics_port}/metrics", timeout=30) as answer:
        shown = answer.read().decode()
    for method, code in [("ListWallets", "OK"), ("GetWallet", "NOT_FOUND")]:
        labels = f'{{code="{code}",method="wallet.v1.WalletService/{method}"}}'
        assert f"wallet_rpc_duration_seconds_count{labels}" in shown


def test_a_call_without_a_valid_request_id_gets_one(alice: Person) -> None:
    request = pb.GetWalletRequest(wallet_id="none", request_id="two words")

    refusal = alice.calls.refused("GetWallet", request)

    assert len(refusal.request_id) == 36


def test_calls_share_the_limits_of_rest(alice: Person) -> None:
    bucket_empty(MONEY.policy, key=user_key(alice.user.pk))

    refusal = alice.calls.refused("Deposit", pb.DepositRequest(wallet_id=alice.wallet_id, amount=usd(5)))

    assert (refusal.status, refusal.code) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "rate_limited")
    assert refusal.retryable
    assert refusal.retry_after_s
    assert alice.calls.call("ListWallets", pb.ListWalletsRequest()).wallets
    assert alice.balance() == 0


def test_each_item_of_a_list_costs_a_unit(alice: Person) -> None:
    # The bucket refills quickly, so one item would soon find a unit; so many items do not.
    bucket_empty(BULK.policy, key=user_key(alice.user.pk), debt_s=0.0)
    request = pb.SubmitTransfersRequest(transfers=[pb.TransferItem()] * 30_000)

    refusal = alice.calls.refused("SubmitTransfers", request)

    assert refusal.code == "rate_limited"
    assert (refusal.retry_after_s or 0) > 30


def test_failed_authentication_is_limited_by_address(alice: Person, channel: grpc.Channel) -> None:
    bucket_empty(ANONYMOUS.policy, key=address_key("127.0.0.1"))

    assert Caller(channel, "made-up").refused("ListWallets", pb.ListWalletsRequest()).code == "rate_limited"
    assert alice.calls.call("ListWallets", pb.ListWalletsRequest()).wallets


def test_a_trusted_proxy_gives_the_address_of_anonymous_callers(channel: grpc.Channel) -> None:
    bucket_empty(ANONYMOUS.policy, key=address_key("192.0.2.7"))
    request, stranger = pb.ListWalletsRequest(), Caller(channel, "made-up")

    refused = stranger.refused("ListWallets", request, x_forwarded_for="198.51.100.1, 192.0.2.7")
    forged = stranger.refused("ListWallets", request, x_forwarded_for="192.0.2.7, 198.51.100.1")

    assert (refused.code, forged.code) == ("rate_limited", "not_authenticated")


def test_a_call_whose_deadline_passes_while_it_waits_for_a_lock_writes_nothing(
    alice: Person, bob: Person, grpc_server: GrpcServer
) -> None:
    alice.deposit(100)
    request = pb.TransferRequest(source=alice.wallet_id, recipient="bob", amount=usd(5))
    before = Transaction.objects.count()
    with wallet_held(alice.wallet):
        refusal = alice.calls.refused("Transfer", request, timeout_s=0.4)
        assert refusal.status == grpc.StatusCode.DEADLINE_EXCEEDED
        # Postgres cancels its statement, which would otherwise keep waiting for the lock.
        wait_until(lambda: not grpc_server.waits_for_a_lock(), what="the statement is cancelled", timeout_s=3.0)

    assert Transaction.objects.count() == before
    assert alice.calls.call("Transfer", request).transaction.status == pb.TRANSACTION_STATUS_POSTED
    assert (alice.balance(), bob.balance()) == (95, 5)


def test_a_short_deadline_is_no_concern_of_the_next_call(alice: Person, bob: Person, start_server: StartServer) -> None:
    """Both use the same thread, and so the same database connection."""
    alice.deposit(100)
    request = pb.TransferRequest(source=alice.wallet_id, recipient="bob", amount=usd(5))
    server = start_server(GRPC_THREADS="1")
    with server.channel() as channel:
        calls = alice.over(channel)
        with wallet_held(alice.wallet):
            assert calls.refused("Transfer", request, timeout_s=0.3).status == grpc.StatusCode.DEADLINE_EXCEEDED
            wait_until(lambda: not server.waits_for_a_lock(), what="the statement is cancelled", timeout_s=3.0)
            patient = calls.begin("Transfer", request)
            wait_until(server.waits_for_a_lock, what="the next call waits")
            # Several times as long as the first call could have waited.
            time.sleep(1.5)
            assert server.waits_for_a_lock()
        assert patient.result().transaction.status == pb.TRANSACTION_STATUS_POSTED


@pytest.mark.parametrize("timeout_s", [0.0, 0.001])
def test_a_call_that_arrives_after_its_deadline_does_nothing(alice: Person, timeout_s: float) -> None:
    request = pb.DepositRequest(wallet_id=alice.wallet_id, amount=usd(5))

    refusal = alice.calls.refused("Deposit", request, timeout_s=timeout_s)

    assert refusal.status == grpc.StatusCode.DEADLINE_EXCEEDED
    # A following call sees that it did nothing.
    assert alice.calls.call("GetWallet", pb.GetWalletRequest(wallet_id=alice.wallet_id)).wallet.version == 0


def test_connections_are_closed_after_each_call(alice: Person, small_server: GrpcServer) -> None:
    with small_server.channel() as channel:
        calls = alice.over(channel)
        for _ in range(5):
            calls.call("Deposit", pb.DepositRequest(wallet_id=alice.wallet_id, amount=usd(5)))
            calls.refused("Withdraw", pb.WithdrawRequest(wallet_id=alice.wallet_id, amount=usd(10**9)))
        wait_until(lambda: not backends(application=small_server.application), what="every connection is closed")


def test_a_broken_connection_is_replaced(alice: Person, grpc_server: GrpcServer) -> None:
    request = pb.DepositRequest(wallet_id=alice.wallet_id, amount=usd(5))
    alice.calls.call("Deposit", request)
    broken = set(backends(application=grpc_server.application))
    assert broken
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s) AS pid", [list(broken)])
    wait_until(lambda: not broken & set(backends(application=grpc_server.application)), what="the connections are gone")

    alice.calls.call("Deposit", request)

    assert alice.balance() == 10


def test_calls_beyond_the_maximum_are_refused_at_once(alice: Person, small_server: GrpcServer) -> None:
    request = pb.DepositRequest(wallet_id=alice.wallet_id, amount=usd(5))
    with small_server.channel() as channel:
        calls = alice.over(channel)
        with wallet_held(alice.wallet):
            # The first call waits for the lock, the second for a thread.
            first = calls.begin("Deposit", request)
            wait_until(small_server.waits_for_a_lock, what="the first call waits for the wallet")
            second = calls.begin("Deposit", request)
            wait_until(lambda: _is_full(calls), what="the server is full")
        assert first.result().transaction.status == pb.TRANSACTION_STATUS_POSTED
        # Either the second call or one of `_is_full` came in first; the other one was refused.
        assert second.exception() is None or second.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert calls.call("ListWallets", pb.ListWalletsRequest()).wallets


def _is_full(calls: Caller) -> bool:
    """Whether a call is refused at once. One that comes in before the second call is answered, or waits in vain."""
    call = calls.begin("ListWallets", pb.ListWalletsRequest(), timeout_s=0.2)
    return bool(call.code() == grpc.StatusCode.RESOURCE_EXHAUSTED)
