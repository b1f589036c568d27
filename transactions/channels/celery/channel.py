"""The channel that wakes Celery workers."""

from collections.abc import Collection

from transactions.channels.celery.wake import workers_wake
from transactions.settlement.partitions import partition_of


class CeleryChannel:
    """Sends one message for all the source wallets of a partition that have work at the moment."""

    is_settled_by_celery = True

    def notify(self, source_ids: Collection[int]) -> None:
        """See `transactions.channels.base.Channel`."""
        workers_wake({partition_of(source_id) for source_id in source_ids})
