"""While Redis is stopped or frozen the limits still hold, people still get in, and nobody waits for long."""

import time
from collections import Counter
from collections.abc import Iterator

import pytest
from django.test import Client
from pytest_django import Settings

from kit.limits import buckets, forms
from kit.limits.buckets import bucket_take, bucket_take_local
from kit.limits.policies import Per, Policy
from kit.redis.circuit_breaker import CircuitBreaker
from tests.api.client import Person, assert_problem, person
from tests.concurrency.crowd import at_once
from tests.own_redis import OwnRedis
from tests.people import PASSWORD
from tests.settlement.waiting import wait_until
from tests.throttling.counters import counted
from tests.throttling.headers import policies
from transactions.limits import MONEY
from wallets.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

HOURLY = Policy(name="hourly", quota=40, window_s=3_600, per=Per.USER)


@pytest.fixture
def alices(alice: User) -> Person:
    return person(alice)


@pytest.fixture(autouse=True)
def _four_processes(settings: Settings) -> None:
    settings.THROTTLE_PROCESSES = 4


@pytest.fixture(autouse=True)
def _quiet(settings: Settings) -> None:
    """Silences the cache, which also logs that Redis is down."""
    settings.DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS = False


def admitted(policy: Policy, *, times: int) -> int:
    return sum(not bucket_take(policy, key="alice").is_refused for _ in range(times))


@pytest.mark.usefixtures("no_redis")
def test_without_redis_each_process_admits_its_share() -> None:
    assert admitted(HOURLY, times=60) == 10


@pytest.mark.usefixtures("no_redis")
def test_without_redis_a_request_that_costs_more_than_the_share_takes_all_of_it() -> None:
    verdicts = [bucket_take(HOURLY, key="alice", units=1_000) for _ in range(2)]

    assert [(verdict.is_refused, verdict.remaining) for verdict in verdicts] == [(False, 0), (True, 0)]


def test_a_flood_from_changing_addresses_fills_no_memory() -> None:
    for number in range(60_000):
        bucket_take_local(HOURLY, key=f"address {number}")

    assert len(buckets.local_buckets) == 50_000
    assert bucket_take_local(HOURLY, key="address 59999").remaining == 8


def test_a_local_bucket_is_shared_by_all_threads_of_the_process(db: None) -> None:
    answers = at_once([lambda: bucket_take_local(HOURLY, key="alice").is_refused] * 40)

    assert Counter(answer.value for answer in answers) == {False: 10, True: 30}


def test_without_redis_the_headers_report_the_share_of_this_process(own_redis: OwnRedis, alices: Person) -> None:
    assert policies(alices.api.get("/me"))["reads"]["q"] == 3_000
    own_redis.stop()

    assert policies(alices.api.get("/me"))["reads"]["q"] == 750


@pytest.mark.usefixtures("no_redis")
def test_without_redis_the_api_still_answers_and_still_refuses(alices: Person, settings: Settings) -> None:
    settings.THROTTLE_SCALE = 0.05

    answers = [alices.api.post(f"{alices.wallet_path}/deposits", {"amount": 1}) for _ in range(15)]

    statuses = Counter(answer.status_code for answer in answers)
    assert statuses.keys() == {201, 429}
    # A twentieth of 600, shared by four processes, and what may have flowed in.
    assert 8 <= statuses[201] <= 10
    assert_problem(answers[-1], "rate_limited", 429)
    assert alices.balance() == statuses[201]


def test_when_redis_returns_it_is_used_again(own_redis: OwnRedis, settings: Settings) -> None:
    own_redis.stop()
    assert admitted(HOURLY, times=60) == 10

    own_redis.start()
    wait_until(lambda: not bucket_take(HOURLY, key="alice").is_refused, what="Redis is asked again", timeout_s=15)

    assert admitted(HOURLY, times=60) == 39


def test_only_one_request_waits_for_a_redis_that_hangs(own_redis: OwnRedis) -> None:
    bucket_take(HOURLY, key="alice")
    own_redis.freeze()

    started_s = time.monotonic()
    bucket_take(HOURLY, key="alice")
    first_s = time.monotonic() - started_s
    fast = sum(_took_s() < 0.1 for _ in range(50))

    assert first_s < 5
    # Every two seconds one request checks whether Redis is back. On a busy machine a few others may be slow too.
    assert fast >= 45


def _took_s() -> float:
    started_s = time.monotonic()
    bucket_take(HOURLY, key="alice")
    return time.monotonic() - started_s


def test_the_start_and_the_end_of_an_outage_are_each_logged_once(
    own_redis: OwnRedis, caplog: pytest.LogCaptureFixture
) -> None:
    own_redis.stop()
    at_once([lambda: bucket_take(HOURLY, key="alice")] * 8)
    admitted(HOURLY, times=20)
    assert _events(caplog) == ["server_away"]

    own_redis.start()
    wait_until(lambda: admitted(HOURLY, times=1) == 1, what="Redis is asked again", timeout_s=15)

    assert _events(caplog) == ["server_away", "server_back"]


def _events(caplog: pytest.LogCaptureFixture) -> list[str]:
    lines = (record.msg for record in caplog.records if record.name == "kit.redis.circuit_breaker")
    return [line["event"] for line in lines if isinstance(line, dict) and "limits" in line["server"]]


def test_decisions_made_in_redis_are_not_counted_as_fallbacks() -> None:
    before = counted("wallet_throttle_fallbacks", policy="money")

    bucket_take(MONEY.policy, key="alice")

    assert counted("wallet_throttle_fallbacks", policy="money") == before


@pytest.mark.usefixtures("no_redis")
def test_decisions_made_without_redis_are_counted_as_fallbacks() -> None:
    before = counted("wallet_throttle_fallbacks", policy="money")

    bucket_take(MONEY.policy, key="alice")
    bucket_take(MONEY.policy, key="alice")

    assert counted("wallet_throttle_fallbacks", policy="money") == before + 2


def sign_ins(count: int, *, password: str) -> Iterator[int]:
    """Sign-ins of Alice, each from another address."""
    for number in range(count):
        client = Client(REMOTE_ADDR=f"192.0.2.{number}")
        yield client.post("/accounts/login/", {"login": "alice", "password": password}).status_code


def strangers(count: int) -> list[int]:
    """Sign-ins with names that do not exist, all from one address."""
    forms = ({"login": f"name{number}", "password": "wrong"} for number in range(count))
    return [Client(REMOTE_ADDR="198.51.100.7").post("/accounts/login/", form).status_code for form in forms]


@pytest.mark.usefixtures("no_redis")
def test_without_redis_people_sign_in_and_floods_and_guessing_are_limited(alice: User) -> None:
    assert list(sign_ins(1, password=PASSWORD)) == [302]

    # A quarter of thirty, rounded up.
    assert strangers(10) == [200] * 8 + [429] * 2
    # Wrong guesses are counted in Postgres.
    assert list(sign_ins(12, password="wrong")) == [200] * 10 + [429] * 2


@pytest.mark.usefixtures("no_redis")
def test_after_one_form_found_redis_down_the_next_ones_do_not_wait_for_it(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaker = CircuitBreaker("Redis of the limits", rest_s=60)
    monkeypatch.setattr(forms, "redis_breaker", breaker)

    list(sign_ins(1, password="wrong"))

    assert not breaker.may_try()


def test_people_can_sign_in_while_redis_hangs(own_redis: OwnRedis, alice: User) -> None:
    own_redis.freeze()

    started_s = time.monotonic()
    statuses = list(sign_ins(2, password=PASSWORD))

    assert statuses == [302, 302]
    assert time.monotonic() - started_s < 20


@pytest.mark.usefixtures("one_window")
def test_when_redis_returns_forms_are_counted_there_again(own_redis: OwnRedis, alice: User) -> None:
    own_redis.stop()
    assert strangers(9)[-1] == 429
    own_redis.start()
    wait_until(lambda: strangers(1) == [200], what="Redis is asked again", timeout_s=15)

    assert strangers(30) == [200] * 29 + [429]
