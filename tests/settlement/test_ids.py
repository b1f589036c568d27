"""Ids of accepted transfers are unique across processes, while clocks jump and Redis is wiped."""

import random
from collections.abc import Callable

import pytest
from django_redis import get_redis_connection

from tests.people import funded
from tests.settlement.broker import Broker
from tests.settlement.processes import processes_run
from tests.settlement.transfers import accept, transfer
from transactions.models import Job, Transaction
from transactions.settlement.accept import Request
from wallets import node_leases
from wallets.domain.ids import NODES, ClockError, SnowflakeGenerator, clock_ms
from wallets.models import NodeLease

_LISTS, _LENGTH, _PROCESSES = 10, 60, 6


@pytest.mark.usefixtures("forkable")
def test_many_processes_never_make_the_same_id_while_redis_is_wiped(broker: Broker) -> None:
    request = transfer(funded("alice"), funded("bob"))

    found = processes_run(_accept_and_wipe, [(request,)] * _PROCESSES)

    _assert_all_there_once(found, count=_PROCESSES * _LISTS * _LENGTH)
    # Each process had a different node number.
    assert len({_node(id_) for ids in found for id_ in ids}) == _PROCESSES
    assert NodeLease.objects.count() >= _PROCESSES


@pytest.mark.usefixtures("forkable")
def test_after_a_clock_jump_the_generator_waits_or_refuses_and_ids_stay_unique() -> None:
    request = transfer(funded("alice"), funded("bob"))

    found = processes_run(_accept_by_a_jumping_clock, [(request, seed) for seed in range(_PROCESSES)])

    made, refused = [ids for ids, _ in found], sum(count for _, count in found)
    assert refused > 0
    _assert_all_there_once(made, count=sum(len(ids) for ids in made))
    assert all(ids == sorted(ids) for ids in made)


def _assert_all_there_once(found: list[list[int]], *, count: int) -> None:
    ids = [id_ for own in found for id_ in own]
    assert len(ids) == len(set(ids)) == count
    assert set(Transaction.objects.values_list("id", flat=True)) == set(ids)
    assert Job.objects.count() == count


def _node(id_: int) -> int:
    return (id_ >> 12) % NODES


def _accept_and_wipe(request: Request) -> list[int]:
    ids = []
    for _ in range(_LISTS):
        ids += [t.id for t in accept([request] * _LENGTH)]
        get_redis_connection().flushall()
    return ids


def _accept_by_a_jumping_clock(request: Request, seed: int) -> tuple[list[int], int]:
    node_leases._generator = SnowflakeGenerator(lease=node_leases.node_lease_take, clock=_jumping(seed))
    ids: list[int] = []
    refused = 0
    for _ in range(4 * _LISTS):
        try:
            ids += [t.id for t in accept([request] * 10)]
        except ClockError:
            refused += 1
    return ids, refused


def _jumping(seed: int) -> Callable[[], int]:
    """A clock that sometimes jumps: a little back or forward, or so far back that the generator must refuse."""
    chance = random.Random(seed)
    shift_ms = 0

    def clock() -> int:
        nonlocal shift_ms
        if chance.random() < 0.03:
            shift_ms = chance.choice([0, -100, 100, -250, -20_000])
        return clock_ms() + shift_ms

    return clock
