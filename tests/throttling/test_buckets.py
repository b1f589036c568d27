"""A bucket admits exactly what it holds, across threads and processes, and refills over time."""

import time
from collections import Counter
from dataclasses import replace

import pytest
from django.core.cache import cache
from django_redis import get_redis_connection
from pytest_django import Settings

from kit.limits.buckets import bucket_take
from kit.limits.policies import Per, Policy
from tests.api.client import Api, Person, person
from tests.concurrency.crowd import at_once
from tests.settlement.processes import processes_run
from tests.settlement.threads import in_threads
from tests.settlement.waiting import wait_until
from tests.throttling.headers import left, policies
from wallets.models import User

#: No unit flows in during a test.
HOURLY = Policy(name="hourly", quota=50, window_s=3_600, per=Per.USER)
#: A unit flows in every twentieth of a second.
QUICK = Policy(name="quick", quota=20, window_s=1, per=Per.USER)


def admitted(policy: Policy, *, times: int, units: int = 1, key: str = "alice") -> int:
    return sum(not bucket_take(policy, key=key, units=units).is_refused for _ in range(times))


@pytest.mark.usefixtures("trusted_cache")
def test_of_a_hundred_simultaneous_reads_as_many_pass_as_the_bucket_holds(alice: User, settings: Settings) -> None:
    settings.THROTTLE_SCALE = 0.01
    token = person(alice).api.token
    # Caches the token, so that none of the hundred reads needs a connection to Postgres.
    assert policies(Api(token=token).get("/me"))["reads"]["q"] == 30

    started_s = time.monotonic()
    statuses = Counter(in_threads(lambda: Api(token=token).get("/me").status_code, count=100))
    took_s = time.monotonic() - started_s

    assert statuses.keys() == {200, 429}
    assert statuses.total() == 100
    assert 29 <= statuses[200] <= 30 + took_s * 30 / 60


def test_of_many_simultaneous_takes_as_many_pass_as_the_bucket_holds(db: None) -> None:
    answers = at_once([lambda: bucket_take(HOURLY, key="alice").is_refused] * 80)

    assert Counter(answer.value for answer in answers) == {False: 50, True: 30}


def _in_a_process() -> int:
    return admitted(HOURLY, times=50)


def test_several_processes_share_one_bucket(forkable: None) -> None:
    assert sum(processes_run(_in_a_process, [()] * 4)) == 50


def test_a_request_that_costs_more_takes_more() -> None:
    assert admitted(HOURLY, times=20, units=5) == 10


def test_a_refused_request_takes_nothing() -> None:
    assert admitted(HOURLY, times=4, units=16) == 3

    assert admitted(HOURLY, times=5) == 2


def test_a_request_that_costs_more_than_the_bucket_holds_takes_all_of_it() -> None:
    assert admitted(HOURLY, times=2, units=1_000) == 1


def test_different_people_and_policies_have_separate_buckets() -> None:
    assert admitted(HOURLY, times=60) == 50

    assert admitted(HOURLY, times=60, key="bob") == 50
    assert admitted(replace(HOURLY, name="other"), times=60) == 50


def test_a_request_succeeds_after_the_wait_that_the_refusal_named() -> None:
    while not (verdict := bucket_take(QUICK, key="alice")).is_refused:
        pass

    assert verdict.wait_s == 1
    time.sleep(verdict.wait_s)
    assert admitted(QUICK, times=20) == 20


def test_a_refusal_takes_nothing_and_tells_what_is_left() -> None:
    policy = Policy(name="costly", quota=5, window_s=3_600, per=Per.USER)

    verdicts = [bucket_take(policy, key="alice", units=units) for units in (3, 3, 2)]

    assert [(verdict.is_refused, verdict.remaining) for verdict in verdicts] == [(False, 2), (True, 2), (False, 0)]


def test_nobody_is_told_to_come_back_too_early() -> None:
    policy = Policy(name="fractions", quota=7, window_s=1_000, per=Per.USER)
    started_s = time.monotonic()
    bucket_take(policy, key="alice", units=7)

    wait_s = bucket_take(policy, key="alice").wait_s

    assert 1_000 / 7 - (time.monotonic() - started_s) <= wait_s <= 143


def test_an_answer_tells_what_is_left_and_when_the_next_unit_flows_in() -> None:
    verdicts = [bucket_take(HOURLY, key="alice") for _ in range(3)]

    assert [verdict.remaining for verdict in verdicts] == [49, 48, 47]
    assert all(71 <= verdict.wait_s <= 72 for verdict in verdicts)


def test_a_clock_put_back_costs_at_most_one_window() -> None:
    """This happens when a replica with a slower clock takes over."""
    bucket_take(QUICK, key="alice")
    (key,) = get_redis_connection().keys("wallet:throttled*")
    an_hour_later = float(get_redis_connection().get(key)) + 3_600
    # The key also expires an hour later.
    get_redis_connection().set(key, repr(an_hour_later), ex=3_600)

    refused = bucket_take(QUICK, key="alice")

    assert (refused.is_refused, refused.remaining, refused.wait_s) == (True, 0, 1)
    wait_until(lambda: not bucket_take(QUICK, key="alice").is_refused, what="a unit has flowed in", timeout_s=10)


def test_wiping_redis_fills_every_bucket() -> None:
    assert admitted(HOURLY, times=60) == 50
    cache.clear()

    assert admitted(HOURLY, times=60) == 50


def test_the_key_of_a_bucket_expires_when_the_bucket_is_full() -> None:
    bucket_take(HOURLY, key="alice")

    (key,) = get_redis_connection().keys("wallet:throttled*")
    assert 0 < get_redis_connection().ttl(key) <= HOURLY.window_s / HOURLY.quota


def test_redis_stores_no_names() -> None:
    bucket_take(HOURLY, key="name alice")

    (key,) = get_redis_connection().keys("wallet:throttled*")
    assert b"hourly" in key
    assert b"alice" not in key


def test_the_size_of_a_bulk_is_its_cost(alice: User) -> None:
    api = person(alice).api

    empty = left(api.post("/api/v2/transfers/bulk", {"transfers": []}))["bulk"]["r"]
    first = left(api.post("/api/v2/transfers/bulk", {"transfers": [{}] * 999}))["bulk"]["r"]
    second = left(api.post("/api/v2/transfers/bulk", {"transfers": [{}]}))["bulk"]["r"]

    # An empty bulk still costs one unit.
    assert empty == 29_999
    assert 29_000 <= first < 29_900
    # Some units flow in meanwhile.
    assert second >= first - 1


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"transfers": 5}', b'{"transfers": {}}', b'{"transfers": []}', b"{"])
def test_a_malformed_bulk_is_counted_without_an_error(alice: User, body: bytes) -> None:
    response = person(alice).api.send("/api/v2/transfers/bulk", body)

    assert response.status_code == 400
    # Its sender pays for it, not the anonymous clients behind the same address.
    assert left(response) == {"bulk": {"r": 29_999, "t": 1}}


def test_a_history_costs_more_than_a_balance(alice: User) -> None:
    alices: Person = person(alice)

    balance = left(alices.api.get(alices.wallet_path))["reads"]["r"]
    history = left(alices.api.get(f"{alices.wallet_path}/transactions"))["reads"]["r"]

    assert (balance, history) in {(2_999, 2_996), (2_999, 2_997)}


def test_reading_too_much_does_not_stop_money_from_moving(alice: User, settings: Settings) -> None:
    settings.THROTTLE_SCALE = 0.0
    alices: Person = person(alice)
    alices.api.get("/me")
    assert alices.api.get("/me").status_code == 429

    assert alices.api.post(f"{alices.wallet_path}/deposits", {"amount": 5}).status_code == 201


def test_the_tokens_of_a_user_share_a_bucket_and_two_users_behind_one_address_do_not(
    alice: User, bob: User, settings: Settings
) -> None:
    settings.THROTTLE_SCALE = 0.0
    assert person(alice).api.get("/me").status_code == 200

    assert person(alice).api.get("/me").status_code == 429
    assert person(bob).api.get("/me").status_code == 200
