"""The leases of Snowflake node numbers, in a real database."""

import time
from itertools import pairwise

import pytest
from django.db import connection, transaction

from tests.database import acting_as_owner
from wallets import node_leases
from wallets.domain.ids import NODES, NodeSpan, clock_ms
from wallets.models import NodeLease
from wallets.node_leases import CLOCK_SKEW_MAX_MS, LEASE_MS, LeaseError, node_lease_take, snowflake_next

pytestmark = pytest.mark.django_db


class Clock:
    """This host's clock, wrong by `off_ms`."""

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
    """Empties the table, until the test's own transaction is rolled back."""
    with acting_as_owner():
        NodeLease.objects.all().delete()


def _take() -> NodeSpan:
    """Takes a lease in the test's transaction. `node_lease_take` would use a connection of its own."""
    return node_leases._take()


@pytest.mark.usefixtures("nothing_leased")
def test_a_lease_grants_a_node_number_from_now_on(clock: Clock) -> None:
    before = clock()
    span = _take()
    assert 0 <= span.node < NODES
    assert before <= span.since_ms <= clock()
    assert span.until_ms == span.since_ms + LEASE_MS
    assert list(NodeLease.objects.values_list("node", "until_ms")) == [(span.node, span.until_ms)]


@pytest.mark.usefixtures("nothing_leased")
def test_leases_of_the_same_node_never_overlap(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short leases for hosts with different clocks, so that nodes are leased again after different times."""
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
def test_the_lease_that_expired_first_is_granted_again_first() -> None:
    NodeLease.objects.bulk_create([NodeLease(node=5, until_ms=2_000), NodeLease(node=6, until_ms=1_000)])
    first, second = _take(), _take()
    assert (first.node, first.since_ms) == (6, 1_000)
    assert (second.node, second.since_ms) == (5, 2_000)


@pytest.mark.usefixtures("nothing_leased")
def test_a_running_lease_is_not_granted_again(clock: Clock) -> None:
    NodeLease.objects.create(node=5, until_ms=clock() + 60_000)
    assert {_take().node for _ in range(20)}.isdisjoint({5})


@pytest.mark.usefixtures("nothing_leased")
def test_it_finds_the_last_free_node(clock: Clock) -> None:
    running = clock() + 60_000
    NodeLease.objects.bulk_create([NodeLease(node=node, until_ms=running) for node in range(NODES) if node != 777])
    assert _take().node == 777


@pytest.mark.usefixtures("nothing_leased")
def test_it_refuses_when_every_node_is_leased(clock: Clock) -> None:
    running = clock() + 60_000
    NodeLease.objects.bulk_create([NodeLease(node=node, until_ms=running) for node in range(NODES)])
    with pytest.raises(LeaseError, match="All 1024"):
        _take()


@pytest.mark.usefixtures("nothing_leased")
@pytest.mark.parametrize("direction", [1, -1])
def test_a_host_whose_clock_is_wrong_gets_no_lease(clock: Clock, direction: int) -> None:
    clock.off_ms = direction * (CLOCK_SKEW_MAX_MS + 1_000)
    with pytest.raises(LeaseError, match="clock differs from the database's by"):
        _take()
    assert not NodeLease.objects.exists()
    clock.off_ms = direction * (CLOCK_SKEW_MAX_MS - 1_000)
    assert _take()


@pytest.mark.django_db(transaction=True)
def test_a_lease_survives_the_rollback_of_its_callers_transaction() -> None:
    with transaction.atomic():
        span = node_lease_take()
        transaction.set_rollback(True)
    assert NodeLease.objects.get(node=span.node).until_ms == span.until_ms


@pytest.mark.django_db(transaction=True)
def test_taking_a_lease_leaves_no_connection_open() -> None:
    before = _connection_count()

    node_lease_take()

    deadline = time.monotonic() + 10
    while _connection_count() > before:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _connection_count() -> int:
    """How many connections to this database are open."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'",
            [connection.settings_dict["NAME"]],
        )
        return int(cursor.fetchone()[0])


def test_an_id_is_a_positive_int64_and_larger_than_the_one_before() -> None:
    first, second = snowflake_next(), snowflake_next()
    assert 0 < first < second < 2**63
