"""What the client retries and what it does not, when the server is killed, restarted, full or cut off."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import grpc
import pytest
from wallet_client import NewTransfer, Receipt, Wallet, WalletClient, WalletError
from wallet_client.transport import pause

from kit.limits.costs import user_key
from tests.client.test_methods import usd
from tests.client.wire import Wire
from tests.conformance.world import Person
from tests.rpc.buckets import bucket_empty
from tests.rpc.fixtures import StartServer
from tests.rpc.server import GrpcServer, free_port
from tests.settlement.locks import wallet_held
from tests.settlement.waiting import wait_until
from transactions.audit import books_audit
from transactions.limits import BULK
from transactions.models import Kind, Transaction
from wallets.tokens.services import tokens_revoke_all

pytestmark = pytest.mark.long


@pytest.fixture
def beside() -> Iterator[Callable[[Callable[[], Receipt]], "Future[Receipt]"]]:
    """Runs a call in a thread beside the test."""
    with ThreadPoolExecutor(1) as executor:
        yield executor.submit


@pytest.fixture
def port() -> int:
    """A port that a restarted server can use again."""
    return free_port()


def transfers() -> int:
    return Transaction.objects.filter(kind=Kind.TRANSFER).count()


def test_calls_and_watches_survive_a_killed_server(
    alice: Person, bob: Person, start_server: StartServer, port: int, beside: Callable[..., "Future[Receipt]"]
) -> None:
    bind = f"127.0.0.1:{port}"
    server = start_server(bind=bind)
    seen: list[Wallet] = []
    ended: list[str] = []
    with WalletClient(bind, alice.token, tls=False) as client:
        watching = threading.Thread(target=_watch, args=(client, alice.wallet_id, seen, ended))
        watching.start()
        wait_until(lambda: len(seen) == 1, what="the watch begins")
        with wallet_held(alice.wallet):
            call = beside(lambda: client.transfer(alice.wallet_id, usd(5), recipient=bob.name))
            wait_until(server.waits_for_a_lock, what="the call is at work")
            server.kill()
        start_server(bind=bind)

        assert call.result(60).transaction.status == "posted"
        wait_until(lambda: len(seen) == 2, what="the watch goes on")
        tokens_revoke_all(user=alice.user)
        watching.join(60)
    assert (transfers(), bob.balance()) == (1, 5)
    assert [wallet.version for wallet in seen] == [1, 2]
    assert ended == ["not_authenticated"]


def test_a_kill_under_load_neither_creates_nor_loses_money(
    alice: Person, bob: Person, start_server: StartServer, port: int
) -> None:
    alice.deposit(1_000_000)
    bind = f"127.0.0.1:{port}"
    server = start_server(bind=bind)
    is_over = threading.Event()
    receipts: list[Receipt] = []

    def pay(client: WalletClient) -> None:
        while not is_over.is_set():
            receipts.append(client.transfer(alice.wallet_id, usd(1), recipient=bob.name, timeout_s=60))

    with WalletClient(bind, alice.token, tls=False) as client, ThreadPoolExecutor(4) as threads:
        payers = [threads.submit(pay, client) for _ in range(4)]
        wait_until(lambda: len(receipts) >= 10, what="money flows")
        server.kill()
        start_server(bind=bind)
        wait_until(lambda: len(receipts) >= 20, what="money flows on")
        is_over.set()
        for payer in payers:
            payer.result(60)

    assert transfers() == len({receipt.transaction.id for receipt in receipts}) == len(receipts) == bob.balance()
    assert books_audit().clean


def test_a_transfer_whose_answer_is_lost_moves_money_once(alice: Person, bob: Person, grpc_server: GrpcServer) -> None:
    wire = Wire(grpc_server.port)
    with WalletClient(wire.target, alice.token, tls=False) as client:
        client.wallets()
        wire.arm()
        receipt = client.transfer(alice.wallet_id, usd(5), recipient=bob.name, memo="Lunch")
    wire.close()

    assert wire.cuts == 1
    assert receipt.replayed
    assert (transfers(), bob.balance()) == (1, 5)


def test_a_call_ends_at_its_timeout(alice: Person, port: int) -> None:
    began_s = time.monotonic()
    with WalletClient(f"127.0.0.1:{port}", alice.token, tls=False) as client, pytest.raises(WalletError) as raised:
        client.wallets(timeout_s=0.5)

    assert time.monotonic() - began_s < 5
    assert (raised.value.code, raised.value.retryable) == ("unavailable", True)


def test_a_rate_limited_call_is_retried_when_the_server_asks(
    client: WalletClient, alice: Person, grpc_server: GrpcServer
) -> None:
    # The bucket has enough units in three seconds.
    bucket_empty(BULK.policy, key=user_key(alice.user.pk), debt_s=1.0)
    wishes = [NewTransfer(source=alice.wallet_id, amount=usd(0), recipient="nobody")] * 1_000

    assert len(client.submit_transfers(wishes)) == 1_000

    lines = [line for line in grpc_server.output().splitlines() if "SubmitTransfers" in line]
    calls = [json.loads(line) for line in lines if f'"user_id": {alice.user.pk}' in line]
    assert [call["code"] for call in calls] == ["RESOURCE_EXHAUSTED", "OK"]
    # All attempts of a call have the same request id, by which they are found in the logs.
    assert len({call["request_id"] for call in calls}) == 1


def error(status: grpc.StatusCode, *, retryable: bool = False, retry_after_s: float | None = None) -> WalletError:
    return WalletError("code", "Detail.", retryable=retryable, retry_after_s=retry_after_s, status=status)


@pytest.mark.parametrize(
    ("refusal", "is_worth_repeating"),
    [
        (error(grpc.StatusCode.UNAVAILABLE), True),
        (error(grpc.StatusCode.CANCELLED), True),
        (error(grpc.StatusCode.ABORTED, retryable=True, retry_after_s=1), True),
        (error(grpc.StatusCode.RESOURCE_EXHAUSTED, retryable=True, retry_after_s=1), True),
        # gRPC answers so if a message is too large; a retry would be as large.
        (error(grpc.StatusCode.RESOURCE_EXHAUSTED), False),
        (error(grpc.StatusCode.DEADLINE_EXCEEDED), False),
        (error(grpc.StatusCode.INTERNAL, retryable=True), False),
        (error(grpc.StatusCode.FAILED_PRECONDITION), False),
    ],
)
def test_only_unanswered_calls_and_those_that_ask_for_it_are_retried(
    refusal: WalletError, is_worth_repeating: bool
) -> None:
    assert refusal.is_worth_repeating is is_worth_repeating


def test_the_pause_grows_and_is_at_least_what_the_server_asks() -> None:
    pauses_s = [pause(attempt, error(grpc.StatusCode.UNAVAILABLE)) for attempt in (1, 2, 3, 10, 10_000)]
    assert 0.05 <= pauses_s[0] <= 0.1 <= pauses_s[1] <= 0.2 <= pauses_s[2] <= 0.4
    assert 1 <= pauses_s[3] <= 2
    assert 1 <= pauses_s[4] <= 2

    assert pause(1, error(grpc.StatusCode.RESOURCE_EXHAUSTED, retry_after_s=7)) >= 7


def test_a_refusal_is_not_retried(client: WalletClient, alice: Person, grpc_server: GrpcServer) -> None:
    with pytest.raises(WalletError) as raised:
        client.withdraw(alice.wallet_id, usd(10**6))

    assert grpc_server.output().count(raised.value.request_id) == 1


def _watch(client: WalletClient, wallet_id: str, seen: list[Wallet], ended: list[str]) -> None:
    try:
        for wallet in client.watch(wallet_id):
            seen.append(wallet)  # noqa: PERF402 - the test looks at it meanwhile
    except WalletError as error:
        ended.append(error.code)


def test_closing_the_client_ends_its_calls_but_the_server_finishes_them(
    alice: Person, bob: Person, grpc_server: GrpcServer, beside: Callable[..., "Future[Receipt]"]
) -> None:
    client = WalletClient(grpc_server.target, alice.token, tls=False)
    with wallet_held(alice.wallet):
        call = beside(lambda: client.transfer(alice.wallet_id, usd(5), recipient=bob.name))
        wait_until(grpc_server.waits_for_a_lock, what="the call is at work")
        client.close()

        with pytest.raises(WalletError) as raised:
            call.result(30)
    assert raised.value.code == "cancelled"
    wait_until(lambda: transfers() == 1, what="the transfer is posted")
