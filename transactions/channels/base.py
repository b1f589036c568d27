"""The protocol of channels."""

from collections.abc import Collection
from typing import Protocol


class Channel(Protocol):
    """Tells workers or consumers which source wallets have due jobs."""

    @property
    def is_settled_by_celery(self) -> bool:
        """Whether Celery workers settle. With any other channel they do not touch the job table."""

    def notify(self, source_ids: Collection[int]) -> None:
        """Announces that these source wallets have due jobs. Call it after the commit that wrote the jobs.

        Never raises and never waits for a broker, because the transfers are already accepted. If the announcement is
        lost, a poll finds the jobs.
        """
