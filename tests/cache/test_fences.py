"""A writer's fence is set before the commit and lifted after it. A writer that does not get there leaves it behind."""

import threading
from collections.abc import Callable

import pytest
from django.db import connections, transaction
from django_redis import get_redis_connection
from pytest_django import Settings

from kit.cache import steps
from kit.cache.protocol import cache_fence, cache_sweep
from tests.cache.remembered import forgotten, remember, scripts_run, shown
from tests.people import crowd_wallets
from tests.settlement.waiting import wait_until
from transactions.ledger.commands import Command
from transactions.ledger.post import post
from transactions.models import Kind
from wallets.models import User

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "wallet:1"


def test_a_fence_can_only_be_set_in_a_transaction() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        cache_fence([NAME])


def test_between_fence_and_commit_readers_get_the_committed_value(trusted_cache: None) -> None:
    remember([NAME])

    with transaction.atomic():
        cache_fence([NAME])
        _in_another_thread(lambda: shown(NAME, truth=b"still old"), b"still old")

    assert shown(NAME, truth=b"new") == b"new"
    assert shown(NAME, truth=b"newest") == b"new"


def test_an_error_while_lifting_the_fence_does_not_undo_the_commit(
    trusted_cache: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    remember([NAME])
    monkeypatch.setattr(steps, "names_lift", fail)
    with transaction.atomic():
        alice = User.objects.create(username="alice")
        cache_fence([NAME])

    assert User.objects.filter(pk=alice.pk).exists()
    # The fence still stands, so readers bypass the name.
    assert [shown(NAME, truth=truth) for truth in (b"new", b"newer")] == [b"new", b"newer"]


def test_after_a_rollback_reads_are_correct_and_later_cached_again(trusted_cache: None, settings: Settings) -> None:
    remember([NAME])

    _fence_and_roll_back([NAME])
    assert shown(NAME, truth=b"unchanged") == b"unchanged"
    assert shown(NAME, truth=b"read again") == b"read again"

    settings.CACHE_FENCE_S = 0.001
    _fence_and_roll_back(["wallet:2"])
    wait_until(lambda: not forgotten(["wallet:2"]), what="the fence has run out")


def test_readers_bypass_a_name_until_its_last_writer_has_lifted_its_fence(trusted_cache: None) -> None:
    remember([NAME])
    client = get_redis_connection()
    for token in ("a11ce", "b0b"):
        steps.names_fence(client, [NAME], token)

    steps.names_lift(client, [NAME], "a11ce")
    assert steps.names_look(client, [NAME]).fenced == [NAME]

    steps.names_lift(client, [NAME], "b0b")
    assert not client.hexists(steps.state_key(), f"fence:{NAME}")


def test_the_sweep_deletes_expired_fences_and_no_others(trusted_cache: None, settings: Settings) -> None:
    for number, fence_s in enumerate([0.001, 90.0]):
        settings.CACHE_FENCE_S = fence_s
        _fence_and_roll_back([f"wallet:{number}"])

    def fences_swept() -> list[bytes]:
        cache_sweep()
        return [field for field in get_redis_connection().hkeys(steps.state_key()) if field.startswith(b"fence:")]

    wait_until(lambda: len(fences_swept()) == 1, what="the short fence has run out")
    assert fences_swept() == [b"fence:wallet:1"]


def test_a_thousand_transfers_are_fenced_and_lifted_with_two_scripts(trusted_cache: None) -> None:
    wallets = crowd_wallets(1_000, 10)
    names = [f"wallet:{wallet.id}" for wallet in wallets]
    remember(names)
    pairs = zip(wallets, [*wallets[1:], wallets[0]], strict=True)
    commands = [
        Command(
            kind=Kind.TRANSFER, amount=1, source_id=source.id, destination_id=to.id, initiator_id=source.owner_id or 0
        )
        for source, to in pairs
    ]

    assert scripts_run(lambda: post(commands)) == 2

    assert forgotten(names) == set(names)


def _fence_and_roll_back(names: list[str]) -> None:
    with transaction.atomic():
        cache_fence(names)
        transaction.set_rollback(True)


def _in_another_thread(work: Callable[[], object], expected: object) -> None:
    found: list[object] = []

    def run() -> None:
        found.append(work())
        connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    assert found == [expected]
