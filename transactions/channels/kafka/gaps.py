"""When transfers were accepted that the registry was not told of, because Redis was away: on record in Postgres.

Kept coarsely, a minute at a time, so that an outage costs each process a row a minute rather than each transfer one.
"""

import threading
from datetime import datetime, timedelta

from django.db.models import Max
from django.utils import timezone

from transactions.models import RegistryGap

_SPAN = timedelta(minutes=1)

_noted_until: datetime | None = None
_noting = threading.Lock()  # stops two threads from noting the same minute


def gap_note() -> None:
    """Notes that a transfer was accepted that the registry does not know. Called before anybody is told its id."""
    global _noted_until  # noqa: PLW0603 - what this process has noted
    with _noting:
        now = timezone.now()
        if _noted_until is None or _noted_until <= now:
            until = now + _SPAN
            RegistryGap.objects.create(until=until)
            _noted_until = until


def gap_end() -> datetime | None:
    """Until when the registry may lack transfers; None where it never did."""
    end: datetime | None = RegistryGap.objects.aggregate(end=Max("until"))["end"]
    return end


def gaps_forget(*, until: datetime) -> None:
    """Everything that was accepted until then has reached Postgres."""
    RegistryGap.objects.filter(until__lte=until).delete()
