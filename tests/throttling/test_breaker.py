"""A server that is away is left alone, and found again by one who looks."""

from collections import Counter

import pytest

from kit.redis.circuit_breaker import CircuitBreaker
from tests.queue.threads import in_threads


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.msg["event"] for record in caplog.records if isinstance(record.msg, dict)]


def test_while_the_server_answers_everybody_asks_it() -> None:
    breaker = CircuitBreaker("a server", rest_s=60)
    breaker.succeeded()

    assert all(in_threads(breaker.may_try, count=8))


def test_after_a_failure_nobody_asks_it_for_a_while() -> None:
    breaker = CircuitBreaker("a server", rest_s=60)
    breaker.failed(ConnectionError())

    assert not any(in_threads(breaker.may_try, count=8))


def test_when_the_while_is_over_one_of_a_crowd_asks_it() -> None:
    breaker = CircuitBreaker("a server", rest_s=60)
    breaker.failed(ConnectionError())
    breaker._rests_until_s = 0.0

    assert Counter(in_threads(breaker.may_try, count=8)) == {True: 1, False: 7}


def test_when_the_one_succeeds_everybody_asks_it_again() -> None:
    breaker = CircuitBreaker("a server", rest_s=60)
    breaker.failed(ConnectionError())

    breaker.succeeded()

    assert all(in_threads(breaker.may_try, count=8))


def test_an_outage_is_logged_once_whoever_meets_it(caplog: pytest.LogCaptureFixture) -> None:
    breaker = CircuitBreaker("a server", rest_s=60)

    in_threads(lambda: breaker.failed(ConnectionError()), count=8)
    in_threads(breaker.succeeded, count=8)
    in_threads(lambda: breaker.failed(ConnectionError()), count=8)

    assert events(caplog) == ["server_away", "server_back", "server_away"]
