"""The circuit breaker keeps callers away from a server that is down, and lets one of them check."""

from collections import Counter

import pytest

from kit.redis.circuit_breaker import CircuitBreaker
from tests.settlement.threads import in_threads


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.msg["event"] for record in caplog.records if isinstance(record.msg, dict)]


class Clock:
    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def test_while_the_server_answers_everyone_may_ask_it() -> None:
    breaker = CircuitBreaker("a server", rest_s=60)
    breaker.succeeded()

    assert all(in_threads(breaker.may_try, count=8))


def test_after_a_failure_nobody_may_ask_it_during_the_rest() -> None:
    clock = Clock()
    breaker = CircuitBreaker("a server", rest_s=60, clock_s=clock)
    breaker.failed(ConnectionError())
    clock.now_s += 59

    assert not any(in_threads(breaker.may_try, count=8))


def test_after_each_rest_one_of_many_callers_may_ask_it() -> None:
    clock = Clock()
    breaker = CircuitBreaker("a server", rest_s=60, clock_s=clock)
    breaker.failed(ConnectionError())

    for _ in range(2):
        clock.now_s += 60
        assert Counter(in_threads(breaker.may_try, count=8)) == {True: 1, False: 7}


def test_once_that_caller_succeeds_everyone_may_ask_it() -> None:
    clock = Clock()
    breaker = CircuitBreaker("a server", rest_s=60, clock_s=clock)
    breaker.failed(ConnectionError())
    clock.now_s += 60
    assert breaker.may_try()

    breaker.succeeded()

    assert all(in_threads(breaker.may_try, count=8))


def test_an_outage_is_logged_once_however_many_callers_meet_it(caplog: pytest.LogCaptureFixture) -> None:
    breaker = CircuitBreaker("a server", rest_s=60)

    in_threads(lambda: breaker.failed(ConnectionError()), count=8)
    in_threads(breaker.succeeded, count=8)
    in_threads(lambda: breaker.failed(ConnectionError()), count=8)

    assert events(caplog) == ["server_away", "server_back", "server_away"]
