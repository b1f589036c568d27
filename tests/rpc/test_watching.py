"""WatchWallet: the wallet now, and again after it has changed."""

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
from wallets.services import tokens_revoke_all, wallet_freeze, wallet_reopen


def test_it_shows_the_wallet_now_and_after_each_change(alice: Person, bob: Person) -> None:
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


def test_of_many_changes_the_newest_is_always_shown(alice: Person) -> None:
    watch = alice.calls.watch(alice.wallet_id)
    seen = [watch.next().version]
    for _ in range(20):
        alice.deposit(1)
    while seen[-1] < 20:
        seen.append(watch.next().version)

    assert seen == sorted(set(seen))
    watch.call.cancel()


def test_it_ends_with_the_token(alice: Person) -> None:
    watch = alice.calls.watch(alice.wallet_id)
    watch.next()

    tokens_revoke_all(user=alice.user)

    refusal = watch.refusal()
    assert (refusal.status, refusal.code) == (grpc.StatusCode.UNAUTHENTICATED, "not_authenticated")


@pytest.mark.parametrize(("wallet_id", "code"), [("theirs", "not_found"), ("1", "not_found"), ("x", "malformed")])
def test_what_may_not_be_read_may_not_be_watched(alice: Person, bob: Person, wallet_id: str, code: str) -> None:
    refusal = alice.calls.watch(bob.wallet_id if wallet_id == "theirs" else wallet_id).refusal()

    assert refusal.code == code


def test_a_stranger_watches_nothing(alice: Person, channel: grpc.Channel) -> None:
    assert Caller(channel).watch(alice.wallet_id).refusal().code == "not_authenticated"


def test_watchers_keep_nobody_from_paying_and_hold_no_connections(
    alice: Person, bob: Person, small_server: GrpcServer
) -> None:
    with small_server.channel() as channel:
        calls, bobs = alice.over(channel), bob.over(channel)
        watches = []
        for _ in range(7):
            watches.append(calls.watch(alice.wallet_id))
            watches[-1].next()
        assert_full(calls.watch(alice.wallet_id), "rate_limited")
        # Who takes all that is theirs leaves room for others, until there is none.
        watches.append(bobs.watch(bob.wallet_id))
        watches[-1].next()
        assert_full(bobs.watch(bob.wallet_id), "unavailable")
        # What is looked at from time to time is looked at for all of them together.
        wait_until(lambda: not backends(application=small_server.application), what="no connection is open")

        calls.call("Deposit", pb.DepositRequest(wallet_id=alice.wallet_id, amount=usd(5)))
        assert [watch.next().balance.minor_units for watch in watches[:7]] == [5] * 7

        # Whoever leaves makes room, among all and among their own.
        watches[-1].call.cancel()
        wait_until(lambda: _may_watch(bobs, bob), what="there is room among all")
        watches[0].call.cancel()
        wait_until(lambda: _may_watch(calls, alice), what="there is room among Alice's own")


def assert_full(watch: Watch, code: str) -> None:
    refusal = watch.refusal()
    assert (refusal.status, refusal.code) == (grpc.StatusCode.RESOURCE_EXHAUSTED, code)
    # Of too many of one's own one has to close one: to come again helps nobody.
    assert (refusal.retry_after_s is None) == (code == "rate_limited")


@pytest.mark.usefixtures("trusted_cache")
def test_a_look_for_all_watchers_asks_redis_and_not_postgres(
    alice: Person,
    bob: Person,
    django_assert_num_queries: DjangoAssertNumQueries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    digests = set(ApiToken.objects.values_list("digest", flat=True))
    wallet_ids = {alice.wallet.pk, bob.wallet.pk}
    # More than go into one look.
    monkeypatch.setattr(watching, "_LOOK_MAX", 1)
    watching.look(wallet_ids, digests)

    with django_assert_num_queries(0):
        seen = watching.look(wallet_ids, digests)

    assert seen.views.keys() == wallet_ids
    assert seen.tokens == digests


def test_nothing_learnt_is_not_shown_as_nothing_new(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who watches is told when the wallet could not be read for a while."""
    monkeypatch.setattr(watching, "_BLIND_S", 0.05)
    monkeypatch.setattr(watching, "look", _raise)

    # In a thread of its own: a browser of another test may have left its loop in this one.
    with ThreadPoolExecutor(1) as elsewhere:
        error = elsewhere.submit(asyncio.run, _watch_blindly(alice)).result()

    assert error.code == ErrorCode.UNAVAILABLE


def test_who_comes_while_the_server_goes_is_told_at_once() -> None:
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
