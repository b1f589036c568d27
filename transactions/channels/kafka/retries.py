"""When to look at a source wallet again. A lost memory costs nothing: polling finds jobs whose time has come."""

from datetime import datetime
from itertools import islice

from django.utils import timezone

#: More sources than this are left to polling.
_REMEMBERED_MAX = 100_000
#: So many at a time, so that a look stays short.
_DUE_MAX = 1_000


class Retries:
    """The sources to look at later, each with its earliest time."""

    def __init__(self) -> None:
        self._times: dict[int, datetime] = {}

    def remember(self, source_id: int, not_before: datetime | None) -> bool:
        """Whether the look has to wait. If so, `due` names the source when its time has come."""
        if not_before is None or not_before <= timezone.now():
            return False
        if len(self._times) < _REMEMBERED_MAX:
            self._times[source_id] = min(not_before, self._times.get(source_id, not_before))
        return True

    def due(self) -> set[int]:
        """Sources whose time has come, a thousand at the most; they are forgotten."""
        now = timezone.now()
        due = set(islice((source_id for source_id, not_before in self._times.items() if not_before <= now), _DUE_MAX))
        for source_id in due:
            del self._times[source_id]
        return due
