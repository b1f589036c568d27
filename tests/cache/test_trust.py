"""When readers rely on the cache: not while Redis is new, and only while Postgres has been asked recently."""

import time
from collections.abc import Callable

import pytest
from django.db import connections
from django_redis import get_redis_connection
from pytest_django import Settings

from kit.cache import steps
from kit.cache.protocol import cache_trust_assert
from tests.cache.remembered import forgotten, remember, shown
from tests.settlement.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "wallet:1"


def test_a_wiped_redis_is_in_quarantine_as_long_as_a_fence_stands(trusted_cache: None, settings: Settings) -> None:
    remember([NAME])
    get_redis_connection().flushall()

    # The first read begins the quarantine.
    assert shown(NAME, truth=b"first") == b"first"
    assert shown(NAME, truth=b"second") == b"second"

    settings.CACHE_FENCE_S = 0.001
    wait_until(lambda: not forgotten([NAME]), what="the quarantine is over")


def test_after_a_trust_is_asserted_older_values_are_not_read(trusted_cache: None) -> None:
    remember([NAME])

    cache_trust_assert()

    assert shown(NAME, truth=b"new") == b"new"


def test_many_readers_together_ask_postgres_for_the_trust_a_few_times_a_second(
    trusted_cache: None, settings: Settings
) -> None:
    settings.CACHE_TRUST_MS = 400
    remember([NAME])
    asked: list[str] = []

    def count(execute: Callable[..., object], sql: str, *rest: object) -> object:
        asked.append(sql)
        return execute(sql, *rest)

    started_s = time.monotonic()
    with connections["default"].execute_wrapper(count):
        while time.monotonic() - started_s < 1:
            assert shown(NAME, truth=b"new") == b"old"
    # At most one question in each half of the time that a trust lasts.
    assert 0 < len(asked) <= 2 + (time.monotonic() - started_s) / 0.2


def test_one_of_many_readers_renews_the_trust(trusted_cache: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "CLAIM_MS", 60_000)

    assert [_look().claim for _ in range(5)] == [True, False, False, False, False]


def test_another_reader_renews_the_trust_if_the_first_one_died(trusted_cache: None) -> None:
    assert _look().claim

    wait_until(lambda: _look().claim, what="the claim of the dead reader has expired")


def _look() -> steps.Look:
    return steps.names_look(get_redis_connection(), [NAME])
