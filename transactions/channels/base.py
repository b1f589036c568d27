"""What every channel does."""

from collections.abc import Collection
from typing import Protocol


class Channel(Protocol):
    """Tells settlers where to look."""

    @property
    def is_settled_by_celery(self) -> bool:
        """Whether Celery workers settle. With any other channel they leave the job table alone."""

    def notify(self, source_ids: Collection[int]) -> None:
        """Says that these source wallets have jobs that are due. Called after the commit that wrote the jobs.

        Never raises and never waits for a broker, because the transfers are accepted whether or not anybody hears of
        them. What is not heard is found by polling.
        """
