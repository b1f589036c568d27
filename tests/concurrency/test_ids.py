"""Processes, threads and forks that make Snowflake ids at the same time never make the same id."""

from itertools import chain

from tests.concurrency.crowd import at_once
from tests.concurrency.processes import Worker
from wallets.domain.ids import NODES
from wallets.models import NodeLease
from wallets.node_leases import node_lease_take, snowflake_next


def test_processes_threads_and_forks_never_share_an_id(processes: list[Worker]) -> None:
    for process in processes:
        process.start("ids_of_forks", children=2, count=3_000)
    threads = at_once([lambda: [snowflake_next() for _ in range(2_000)]] * 4)
    made = [list_ for process in processes for list_ in process.answer()]
    made += [answer.value or [] for answer in threads]
    assert all(own == sorted(own) for own in made)
    every = list(chain.from_iterable(made))
    assert len(every) == 4 * 4 * 3_000 + 4 * 2_000
    assert len(set(every)) == len(every)
    assert all(0 < id_ < 2**63 for id_ in every)


def test_a_fork_leases_its_own_node_number(processes: list[Worker]) -> None:
    processes[0].start("ids_of_forks", children=3, count=10)
    before, after, *children = ({id_ >> 12 & 1023 for id_ in ids} for ids in processes[0].answer())
    assert before == after
    assert [len(nodes) for nodes in (before, *children)] == [1] * 4
    assert len(set.union(before, *children)) == 4


def test_leases_taken_at_once_have_different_node_numbers() -> None:
    """Half of the node numbers were leased before and are free again; the others were never leased."""
    never = sorted(set(range(NODES)) - set(NodeLease.objects.values_list("node", flat=True)))
    expired = never[:6]
    NodeLease.objects.bulk_create([NodeLease(node=node, until_ms=1_000 + node) for node in expired])
    spans = [answer.value for answer in at_once([node_lease_take] * 12) if answer.value]
    nodes = {span.node for span in spans}
    assert len(nodes) == len(spans) == 12
    assert nodes >= set(expired)
    kept = dict(NodeLease.objects.values_list("node", "until_ms"))
    assert all(kept[span.node] == span.until_ms for span in spans)
