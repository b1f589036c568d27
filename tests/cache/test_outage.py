"""Redis is down while money moves: writes go on, nobody trusts the cache, and the cache recovers by itself."""

import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from django.db import connection
from pytest_django import Settings

from kit.cache import link, outage, unevicted
from kit.cache.outage import OUTAGE
from kit.cache.protocol import cache_sweep, value_get, value_put
from kit.models import Unevicted
from tests.cache.remembered import forgotten, remember, shown
from tests.settlement.broker import Broker
from transactions.names import unposted_name
from transactions.recipients import TransferRequest
from transactions.services import deposit_create, transfers_submit
from wallets.cache_names import token_name, wallet_name, wallets_name
from wallets.domain.errors import WalletError
from wallets.models import User, Wallet
from wallets.services import wallet_freeze, wallet_open
from wallets.tasks import cache_sweep_task
from wallets.tokens.services import token_issue, token_revoke

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice_wallet(own_redis: Broker, trusted_cache: None, alice: User, settings: Settings) -> Wallet:
    settings.CACHE_TRUST_MS = 200
    return Wallet.objects.get(owner=alice)


def test_money_moves_without_redis_and_the_names_are_recorded(
    own_redis: Broker, alice: User, alice_wallet: Wallet
) -> None:
    own_redis.stop()

    deposit_create(actor=alice, wallet_id=alice_wallet.id, amount=5)
    deposit_create(actor=alice, wallet_id=alice_wallet.id, amount=5)

    assert Wallet.objects.get(id=alice_wallet.id).balance == 10
    assert set(Unevicted.objects.values_list("name", flat=True)) == {wallet_name(alice_wallet.id), OUTAGE}


def test_only_one_of_an_outages_writes_waits(
    own_redis: Broker, alice: User, alice_wallet: Wallet, settings: Settings
) -> None:
    settings.CACHE_TRUST_MS = 1_000
    own_redis.stop()

    started_s = time.monotonic()
    deposit_create(actor=alice, wallet_id=alice_wallet.id, amount=5)
    first_s = time.monotonic() - started_s
    for _ in range(10):
        deposit_create(actor=alice, wallet_id=alice_wallet.id, amount=5)

    assert first_s > 1
    assert time.monotonic() - started_s - first_s < 10


def test_without_redis_reads_come_from_postgres(own_redis: Broker, alice_wallet: Wallet) -> None:
    remember(["wallet:1"])
    own_redis.stop()

    assert shown("wallet:1", truth=b"new") == b"new"
    value_put("page", b"a page")
    assert value_get("page") is None


def test_a_cut_off_writer_answers_only_when_nobody_trusts_the_cache_any_more(
    own_redis: Broker, alice: User, alice_wallet: Wallet
) -> None:
    """Only the writer has lost Redis. Readers still reach it, and its value is old after the write."""
    name = wallet_name(alice_wallet.id)
    remember([name])
    assert shown(name, truth=b"new") == b"old"

    link.breaker.failed(ConnectionError())
    deposit_create(actor=alice, wallet_id=alice_wallet.id, amount=5)
    link.breaker.succeeded()

    assert shown(name, truth=b"new") == b"new"


def test_a_replay_waits_because_the_first_call_may_have_died_before_it_waited(
    alice: User, alice_wallet: Wallet
) -> None:
    def deposit() -> bool:
        receipt = deposit_create(actor=alice, wallet_id=alice_wallet.id, amount=5, idempotency_key="once")
        return receipt.replayed

    assert not deposit()
    unevicted.names_note([wallet_name(alice_wallet.id)])

    started_s = time.monotonic()
    assert deposit()
    assert time.monotonic() - started_s > 0.2


def test_a_call_that_reports_an_earlier_change_answers_only_when_nobody_reads_the_old_state(
    alice: User, bob: User, alice_wallet: Wallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call that made the change may have died before it waited. This one waits, and holds no locks meanwhile."""
    token, _ = token_issue(user=alice, name="phone")
    wallet_id = alice_wallet.id
    request = TransferRequest(source_id=wallet_id, recipient="bob", amount=1, idempotency_key="once")
    calls: dict[str, Callable[[], object]] = {
        unposted_name(wallet_id): lambda: transfers_submit(actor=alice, requests=[request]),
        wallet_name(wallet_id): lambda: wallet_freeze(wallet_id=wallet_id, actor=bob, reason="Asked for."),
        token_name(token.digest): lambda: token_revoke(user=alice, digest=token.digest),
        wallets_name(alice.pk): lambda: wallet_open(owner=alice, currency="EUR"),
    }
    waits: list[bool] = []
    monkeypatch.setattr(outage, "trust_outwait", lambda: waits.append(connection.in_atomic_block))
    for name, call in calls.items():
        call()
        assert waits == [], name
        unevicted.names_note([name])
        with suppress(WalletError):
            call()
        assert waits == [False], name
        waits.clear()


def test_a_reader_that_finds_recorded_names_evicts_them_and_trusts_the_cache_again(alice_wallet: Wallet) -> None:
    remember(["wallet:1", "wallet:2"])
    unevicted.names_note(["wallet:1"])
    time.sleep(0.25)

    assert forgotten(["wallet:1", "wallet:2"]) == {"wallet:1"}
    assert not Unevicted.objects.exists()


def test_the_sweep_evicts_recorded_names_when_redis_is_back(
    own_redis: Broker, alice: User, alice_wallet: Wallet
) -> None:
    own_redis.stop()
    deposit_create(actor=alice, wallet_id=alice_wallet.id, amount=5)
    assert cache_sweep() == 0
    assert Unevicted.objects.exists()

    own_redis.start()
    link.breaker.succeeded()
    cache_sweep_task()

    assert not Unevicted.objects.exists()


def test_a_sweep_that_dies_before_its_commit_leaves_the_names_recorded(
    alice_wallet: Wallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    unevicted.names_note(["wallet:1"])
    monkeypatch.setattr("kit.cache.steps.names_evict", die)

    with pytest.raises(KeyboardInterrupt):
        cache_sweep()

    assert Unevicted.objects.exists()


def test_writers_do_not_wait_for_a_hanging_redis_at_every_write(
    own_redis: Broker, alice: User, alice_wallet: Wallet
) -> None:
    own_redis.freeze()

    started_s = time.monotonic()
    deposit_create(actor=alice, wallet_id=alice_wallet.id, amount=5)
    first_s = time.monotonic() - started_s
    for _ in range(3):
        deposit_create(actor=alice, wallet_id=alice_wallet.id, amount=5)

    # The first write runs into a timeout of half a second. Later writes skip Redis; at most one of them tries again.
    assert first_s > 0.5
    assert time.monotonic() - started_s - first_s < 3
