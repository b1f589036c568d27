"""When the cache is relied on: not while Redis is new, and for as long as somebody has asked Postgres lately."""

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


def test_a_wiped_redis_is_not_relied_on_for_as_long_as_a_fence_stands(trusted_cache: None, settings: Settings) -> None:
    remember([NAME])
    get_redis_connection().flushall()

    # The first one begins the quarantine.
    assert shown(NAME, truth=b"first") == b"first"
    assert shown(NAME, truth=b"second") == b"second"

    settings.CACHE_FENCE_S = 0.001
    wait_until(lambda: not forgotten([NAME]), what="the quarantine is over")


def test_an_asserted_trust_forgets_what_was_cached_before(trusted_cache: None) -> None:
    remember([NAME])

    cache_trust_assert()

    assert shown(NAME, truth=b"new") == b"new"


def test_however_many_read_postgres_is_asked_for_the_trust_a_few_times_a_second(
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
    # One in each half of the time that a trust lasts, at the most.
    assert 0 < len(asked) <= 2 + (time.monotonic() - started_s) / 0.2


def test_of_a_crowd_one_renews_the_trust(trusted_cache: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "CLAIM_MS", 60_000)

    assert [_look().claim for _ in range(5)] == [True, False, False, False, False]


def test_when_the_one_died_who_was_to_renew_the_trust_another_does(trusted_cache: None) -> None:
    assert _look().claim

    wait_until(lambda: _look().claim, what="the claim of the one that died is over")


def _look() -> steps.Look:
    return steps.names_look(get_redis_connection(), [NAME])
