"""The leases of Snowflake node numbers, in the real database."""

import time
from itertools import pairwise

import pytest
from django.db import connection, transaction

from tests.concurrency.waiting import backend_pid
from wallets import node_leases
from wallets.domain.ids import NODES, NodeSpan, clock_ms
from wallets.models import NodeLease
from wallets.node_leases import CLOCK_SKEW_MAX_MS, LEASE_MS, LeaseError, node_lease_take, snowflake_next

pytestmark = pytest.mark.django_db


class Clock:
    """This host's clock, off by so much."""

    def __init__(self) -> None:
        self.off_ms = 0

    def __call__(self) -> int:
        return clock_ms() + self.off_ms


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(node_leases, "clock_ms", clock)
    return clock


@pytest.fixture
def nothing_leased(db: None) -> None:
    """An empty table, until the end of the test's own transaction."""
    NodeLease.objects.all().delete()


def _take() -> NodeSpan:
    """Inside the test's transaction, where node_lease_take has one of its own."""
    return node_leases._take()


@pytest.mark.usefixtures("nothing_leased")
def test_a_lease_is_a_node_of_the_range_from_now_on(clock: Clock) -> None:
    before = clock()
    span = _take()
    assert 0 <= span.node < NODES
    assert before <= span.since_ms <= clock()
    assert span.until_ms == span.since_ms + LEASE_MS
    assert list(NodeLease.objects.values_list("node", "until_ms")) == [(span.node, span.until_ms)]


@pytest.mark.usefixtures("nothing_leased")
def test_no_two_leases_of_a_node_overlap(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short leases, taken by hosts whose clocks differ, so that nodes are taken again sooner and later."""
    monkeypatch.setattr(node_leases, "LEASE_MS", 3_000)
    spans = []
    for number in range(300):
        clock.off_ms = number * 7_919 % 58_000 - 29_000
        spans.append(_take())
    nodes = {span.node for span in spans}
    assert len(nodes) < len(spans) / 2
    for node in nodes:
        own = [span for span in spans if span.node == node]
        assert all(earlier.until_ms <= later.since_ms < later.until_ms for earlier, later in pairwise(own))


@pytest.mark.usefixtures("nothing_leased")
def test_a_lease_that_is_over_is_the_first_to_be_taken_again() -> None:
    NodeLease.objects.bulk_create([NodeLease(node=5, until_ms=2_000), NodeLease(node=6, until_ms=1_000)])
    first, second = _take(), _take()
    assert (first.node, first.since_ms) == (6, 1_000)
    assert (second.node, second.since_ms) == (5, 2_000)


@pytest.mark.usefixtures("nothing_leased")
def test_a_lease_that_runs_is_left_alone(clock: Clock) -> None:
    NodeLease.objects.create(node=5, until_ms=clock() + 60_000)
    assert {_take().node for _ in range(20)}.isdisjoint({5})


@pytest.mark.usefixtures("nothing_leased")
def test_the_last_free_node_is_found(clock: Clock) -> None:
    running = clock() + 60_000
    NodeLease.objects.bulk_create([NodeLease(node=node, until_ms=running) for node in range(NODES) if node != 777])
    assert _take().node == 777


@pytest.mark.usefixtures("nothing_leased")
def test_when_every_node_is_leased_there_is_none_to_be_had(clock: Clock) -> None:
    running = clock() + 60_000
    NodeLease.objects.bulk_create([NodeLease(node=node, until_ms=running) for node in range(NODES)])
    with pytest.raises(LeaseError, match="All 1024"):
        _take()


@pytest.mark.usefixtures("nothing_leased")
@pytest.mark.parametrize("direction", [1, -1])
def test_a_host_whose_clock_is_off_gets_none(clock: Clock, direction: int) -> None:
    clock.off_ms = direction * (CLOCK_SKEW_MAX_MS + 1_000)
    with pytest.raises(LeaseError, match="ms off the database's"):
        _take()
    assert not NodeLease.objects.exists()
    clock.off_ms = direction * (CLOCK_SKEW_MAX_MS - 1_000)
    assert _take()


@pytest.mark.django_db(transaction=True)
def test_a_lease_outlives_the_transaction_in_which_it_was_needed() -> None:
    with transaction.atomic():
        span = node_lease_take()
        transaction.set_rollback(True)
    assert NodeLease.objects.get(node=span.node).until_ms == span.until_ms


@pytest.mark.django_db(transaction=True)
def test_taking_a_lease_leaves_no_connection_behind() -> None:
    taken: list[int] = []
    take = node_leases._take

    def take_and_note() -> NodeSpan:
        span = take()
        taken.append(backend_pid())
        return span

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(node_leases, "_take", take_and_note)
        node_lease_take()
    (pid,) = taken
    assert pid != backend_pid()
    deadline = time.monotonic() + 10
    while _is_connected(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _is_connected(pid: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [pid])
        return cursor.fetchone() is not None


def test_an_id_is_a_positive_int64_later_than_the_one_before() -> None:
    first, second = snowflake_next(), snowflake_next()
    assert 0 < first < second < 2**63
