"""WatchWallet sends the wallet now, and again after each change."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from django.db import OperationalError
from pytest_django import DjangoAssertNumQueries

from tests.rpc.caller import Caller, Watch
from tests.rpc.conftest import Person
from tests.rpc.server import GrpcServer
from tests.rpc.test_methods import usd
from tests.settlement.locks import backends
from tests.settlement.waiting import wait_until
from transactions.rpc import watching
from wallet_proto.v1 import wallet_pb2 as pb
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import ApiToken
from wallets.services import wallet_freeze, wallet_reopen
from wallets.tokens.services import tokens_revoke_all


def test_it_sends_the_wallet_now_and_after_each_change(alice: Person, bob: Person) -> None:
    watch = alice.calls.watch(alice.wallet_id)
    now = watch.next()
    assert (now.balance, now.version, now.status) == (usd(0), 0, pb.WALLET_STATUS_OPEN)

    alice.deposit(100)
    assert (paid := watch.next()).balance == usd(100)
    assert paid.version == 1
    assert paid == alice.calls.call("GetWallet", pb.GetWalletRequest(wallet_id=alice.wallet_id)).wallet

    wallet_freeze(wallet_id=alice.wallet.pk, actor=bob.user, reason="lost phone")
    assert watch.next().status == pb.WALLET_STATUS_FROZEN
    wallet_reopen(wallet_id=alice.wallet.pk, actor=bob.user, reason="found it")
    assert watch.next().status == pb.WALLET_STATUS_OPEN
    watch.call.cancel()


def test_it_always_sends_the_newest_of_many_changes(alice: Person) -> None:
    watch = alice.calls.watch(alice.wallet_id)
    seen = [watch.next().version]
    for _ in range(20):
        alice.deposit(1)
    while seen[-1] < 20:
        seen.append(watch.next().version)

    assert seen == sorted(set(seen))
    watch.call.cancel()


def test_it_ends_when_the_token_is_revoked(alice: Person) -> None:
    watch = alice.calls.watch(alice.wallet_id)
    watch.next()

    tokens_revoke_all(user=alice.user)

    refusal = watch.refusal()
    assert (refusal.status, refusal.code) == (grpc.StatusCode.UNAUTHENTICATED, "not_authenticated")


@pytest.mark.parametrize(("wallet_id", "code"), [("theirs", "not_found"), ("1", "not_found"), ("x", "malformed")])
def test_a_wallet_that_cannot_be_read_cannot_be_watched(alice: Person, bob: Person, wallet_id: str, code: str) -> None:
    refusal = alice.calls.watch(bob.wallet_id if wallet_id == "theirs" else wallet_id).refusal()

    assert refusal.code == code


def test_watching_needs_a_token(alice: Person, channel: grpc.Channel) -> None:
    assert Caller(channel).watch(alice.wallet_id).refusal().code == "not_authenticated"


def test_watchers_leave_room_for_calls_and_hold_no_connections(
    alice: Person, bob: Person, small_server: GrpcServer
) -> None:
    with small_server.channel() as channel:
        calls, bobs = alice.over(channel), bob.over(channel)
        watches = []
        for _ in range(7):
            watches.append(calls.watch(alice.wallet_id))
            watches[-1].next()
        assert_full(calls.watch(alice.wallet_id), "rate_limited")
        # A user with the maximum of watches leaves room for others, until the server is full.
        watches.append(bobs.watch(bob.wallet_id))
        watches[-1].next()
        assert_full(bobs.watch(bob.wallet_id), "unavailable")
        # The wallets are read periodically, for all watchers together.
        wait_until(lambda: not backends(application=small_server.application), what="no connection is open")

        calls.call("Deposit", pb.DepositRequest(wallet_id=alice.wallet_id, amount=usd(5)))
        assert [watch.next().balance.minor_units for watch in watches[:7]] == [5] * 7

        # A watch that ends makes room: on the server, and among the user's own.
        watches[-1].call.cancel()
        wait_until(lambda: _may_watch(bobs, bob), what="the server has room")
        watches[0].call.cancel()
        wait_until(lambda: _may_watch(calls, alice), what="Alice may watch again")


def assert_full(watch: Watch, code: str) -> None:
    refusal = watch.refusal()
    assert (refusal.status, refusal.code) == (grpc.StatusCode.RESOURCE_EXHAUSTED, code)
    # A user with too many watches must close one; retrying does not help, so there is no retry_after_s.
    assert (refusal.retry_after_s is None) == (code == "rate_limited")


@pytest.mark.usefixtures("trusted_cache")
def test_reading_for_all_watchers_uses_redis_and_not_postgres(
    alice: Person,
    bob: Person,
    django_assert_num_queries: DjangoAssertNumQueries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    digests = set(ApiToken.objects.values_list("digest", flat=True))
    wallet_ids = {alice.wallet.pk, bob.wallet.pk}
    # More wallets than one read takes.
    monkeypatch.setattr(watching, "CHUNK_SIZE", 1)
    watching.watched_read(wallet_ids, digests)

    with django_assert_num_queries(0):
        seen = watching.watched_read(wallet_ids, digests)

    assert seen.views.keys() == wallet_ids
    assert seen.tokens == digests


def test_a_watch_ends_if_the_wallet_cannot_be_read_for_a_while(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the watcher would believe that nothing has changed."""
    monkeypatch.setattr(watching, "BLIND_S", 0.05)
    monkeypatch.setattr(watching, "watched_read", _raise)

    # In another thread, because the browser of another test may have left an event loop in this one.
    with ThreadPoolExecutor(1) as elsewhere:
        error = elsewhere.submit(asyncio.run, _watch_blindly(alice)).result()

    assert error.code == ErrorCode.UNAVAILABLE


def test_a_watch_that_begins_while_the_server_stops_ends_at_once() -> None:
    with ThreadPoolExecutor(1) as executor:
        watchers = watching.Watchers(executor)
        watchers.close()

        watcher = watchers.join(wallet=pb.Wallet(id="7"), user_id=7, token_digest=None)

    assert watcher.news.is_set()
    assert watcher.ended is not None
    assert watcher.ended.code == ErrorCode.UNAVAILABLE


def _raise(*_: object) -> None:
    raise OperationalError("Postgres is away.")


async def _watch_blindly(alice: Person) -> WalletError:
    with ThreadPoolExecutor(1) as executor:
        watchers = watching.Watchers(executor)
        watcher = watchers.join(wallet=pb.Wallet(id=alice.wallet_id), user_id=7, token_digest=None)
        looking = asyncio.create_task(watchers.run())
        await asyncio.wait_for(watcher.news.wait(), 30)
        looking.cancel()
    assert watcher.ended is not None
    return watcher.ended


def _may_watch(calls: Caller, person: Person) -> bool:
    watch = calls.watch(person.wallet_id)
    try:
        watch.next()
    except grpc.RpcError:
        return False
    watch.call.cancel()
    return True
