"""Lets a writer that cannot reach Redis wait until nobody trusts the cache any more. Per outage and process, one write
waits.

An outage is recorded like a name, from its first write until a sweep that reaches Redis. While the record stands,
nobody renews the trust. So a process that has seen the record for longer than a trust lasts knows that there is no
trust left.
"""

import time
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from kit.models import Unevicted

#: The name that stands for the outage itself. No cached object has an empty name.
OUTAGE = ""
#: The wait is longer than the trust by this factor, because clocks run at slightly different rates.
_MARGIN = 1.2
# Race: a sweep ends the outage before a writer that relies on the record commits. The trust could then be renewed in
# between, and this writer would not wait. The share lock makes the sweep pass the record by until the commit.
HOLD_SQL = "SELECT at FROM wallets_unevicted WHERE name = %s FOR SHARE"

#: When this process first saw the record of the current outage (monotonic seconds), by the record's time.
_seen_s: dict[datetime, float] = {}


def outage_outwait() -> None:
    """Makes the current database transaction wait, after its commit, until no reader can trust the cache."""
    Unevicted.objects.bulk_create([Unevicted(name=OUTAGE, at=Now())], ignore_conflicts=True)
    with connection.cursor() as cursor:
        cursor.execute(HOLD_SQL, [OUTAGE])
        row = cursor.fetchone()
    outage_at = row[0] if row is not None else None
    transaction.on_commit(lambda: _outwait(outage_at))


def trust_outwait() -> None:
    """Waits until every trust that may exist now has ended."""
    time.sleep(_trust_s())


def _outwait(outage_at: datetime | None) -> None:
    """Runs after the commit. If this process has not seen the outage before, its wait starts now."""
    since_s = time.monotonic()
    if outage_at is not None:
        if outage_at not in _seen_s:
            _seen_s.clear()
        since_s = _seen_s.setdefault(outage_at, since_s)
    left_s = since_s + _trust_s() - time.monotonic()
    if left_s > 0:
        time.sleep(left_s)


def _trust_s() -> float:
    return float(settings.CACHE_TRUST_MS / 1_000 * _MARGIN)
