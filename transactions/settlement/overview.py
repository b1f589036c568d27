"""How many jobs wait, and since when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

# The oldest job has the smallest id, so only its transaction is read.
_OVERVIEW_SQL = """
SELECT queue.partition, queue.waiting, queue.held_back, oldest.created_at
FROM (
    SELECT partition, count(*) AS waiting, count(*) FILTER (WHERE not_before > now()) AS held_back, min(id) AS first_id
    FROM transactions_job WHERE dead_at IS NULL GROUP BY partition
) AS queue
JOIN transactions_job AS first ON first.id = queue.first_id
JOIN transactions_transaction AS oldest ON oldest.id = first.transaction_id
ORDER BY queue.partition
"""


@dataclass(frozen=True, slots=True)
class PartitionFigures:
    """One partition: the number of waiting jobs, how many of them wait for a retry (`held_back`), and when the oldest
    was accepted."""

    partition: int
    waiting: int
    held_back: int
    oldest_at: datetime


def queue_overview() -> Sequence[PartitionFigures]:
    """The partitions with waiting jobs. Dead letters do not count, because they wait for staff."""
    with connection.cursor() as cursor:
        cursor.execute(_OVERVIEW_SQL)
        return [PartitionFigures(*row) for row in cursor.fetchall()]
