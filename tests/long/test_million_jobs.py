"""A million transfers wait: a batch at the head of the queue costs what it costs at the head of a thousand."""

import random
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import connection
from django.db.models import Count
from pytest_django import Settings

from tests.ledger.test_history_plans import nodes
from tests.long.backlog import backlog_make, overtaken
from tests.people import crowd_wallets, funded
from tests.settlement.books import assert_books_clean
from tests.settlement.processes import processes_run
from tests.settlement.test_guard_plans import plans_watched, rows_handled
from transactions.audit import books_audit
from transactions.models import Job, Kind, Status, Transaction
from transactions.settlement.partitions import PARTITIONS, partition_of
from transactions.settlement.poll import overdue_settle
from transactions.settlement.settle import BATCH, Settled, partition_settle, sources_settle
from wallets.node_leases import snowflake_next

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]

_FEW, _MANY, _SENDERS = 40_000, 1_000_000, 2_000
#: Postgres decides about a generic plan at the sixth execution.
_PLANS_MADE_AFTER = 6
#: Settlers and the seconds for which they drain.
_SETTLERS, _DRAIN_S = 2, 30.0
#: So short that a call ends after one batch.
_ONE_BATCH_S = 0.02

Batch = Callable[[], Settled]


def test_a_million_jobs(transactional_db: None, settings: Settings) -> None:
    settings.TRANSFER_DRAIN_LIMIT_S = _ONE_BATCH_S
    senders = crowd_wallets(_SENDERS, _MANY)
    receiver, busiest = funded("receiver"), senders[0]
    batches: list[Batch] = [
        lambda: sources_settle(source_ids=[busiest.id], time_limit_s=_ONE_BATCH_S),
        lambda: sources_settle(source_ids=[wallet.id for wallet in senders[1:1_001]], time_limit_s=_ONE_BATCH_S),
        lambda: partition_settle(partition=partition_of(busiest.id), time_limit_s=_ONE_BATCH_S),
        # One batch of each partition.
        overdue_settle,
    ]
    # A connection keeps its plans, so let it make them while there is little to read.
    backlog_make(senders=senders, destination=receiver, first_id=snowflake_next(), count=_FEW)
    for _ in range(_PLANS_MADE_AFTER):
        for batch in batches[:-1]:
            assert batch().posted
    backlog_make(senders=senders, destination=receiver, first_id=snowflake_next(), count=_MANY)

    _assert_plans_flat(batches)
    _drain_in_part()


def _assert_plans_flat(batches: Sequence[Batch]) -> None:
    """No statement reads a table from end to end, or handles more rows than its batch has, times a few."""
    for batch in batches:
        with plans_watched() as plans:
            assert batch().posted
        assert len(plans) > 10
        for plan in plans:
            for node in nodes(plan["Plan"]):
                assert rows_handled(node) <= 8 * BATCH, plan
                assert not _reads_all(node), plan


def _reads_all(node: dict[str, Any]) -> bool:
    return node["Node Type"] == "Seq Scan" and str(node["Relation Name"]).startswith("transactions_")


def _drain_in_part() -> None:
    """Settlers are at work for a while. What they have settled and what they have not makes up the whole."""
    posted_before = Transaction.objects.filter(kind=Kind.TRANSFER, status=Status.POSTED).count()

    posted = sum(processes_run(_drain, [(seed,) for seed in range(_SETTLERS)]))

    print(f"{_SETTLERS} settlers posted {posted} transfers in {_DRAIN_S:.0f} s")  # noqa: T201
    assert posted > 0
    with connection.cursor() as cursor:
        # Looking at all of a million rows takes longer than any request may.
        cursor.execute("SET statement_timeout = 0; SET transaction_timeout = 0")
    counts = dict(
        Transaction.objects.filter(kind=Kind.TRANSFER).values_list("status").annotate(count=Count("id")).order_by()
    )
    pending = _FEW + _MANY - posted_before - posted
    assert counts == {Status.POSTED: posted_before + posted, Status.PENDING: pending}
    assert Job.objects.count() == pending
    assert overtaken() == []
    assert_books_clean()
    assert books_audit().clean
    connection.close()


def _drain(seed: int) -> int:
    dice, posted, over_s = random.Random(seed), 0, time.monotonic() + _DRAIN_S
    while time.monotonic() < over_s:
        posted += partition_settle(partition=dice.randrange(PARTITIONS), time_limit_s=5.0).posted
    return posted
