"""How a writer that cannot reach Redis waits until nobody trusts the cache any more. Of an outage's writes one waits.

An outage is on record like a name, from its first write until a sweep that reaches Redis. As long as it stands, the
trust is not renewed; so a process that has seen it stand for longer than a trust lasts knows that there is none.
"""

import time
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from kit.models import Unevicted

#: No object is called so.
OUTAGE = ""
#: How much longer than the trust lasts: clocks run at slightly different rates.
_MARGIN = 1.2
# The lock keeps a sweep from ending the outage before the writer who relies on it has committed: the trust could be
# renewed in between, and he would not wait.
HOLD_SQL = "SELECT at FROM wallets_unevicted WHERE name = %s FOR SHARE"

#: Since when this process has seen the outage stand that it has seen last.
_seen_s: dict[datetime, float] = {}


def outage_outwait() -> None:
    """Lets the transaction that runs wait, after its commit, for as long as somebody may trust the cache."""
    Unevicted.objects.bulk_create([Unevicted(name=OUTAGE, at=Now())], ignore_conflicts=True)
    with connection.cursor() as cursor:
        cursor.execute(HOLD_SQL, [OUTAGE])
        row = cursor.fetchone()
    outage_at = row[0] if row is not None else None
    transaction.on_commit(lambda: _outwait(outage_at))


def trust_outwait() -> None:
    """Waits for as long as somebody may trust the cache who began to just now."""
    time.sleep(_trust_s())


def _outwait(outage_at: datetime | None) -> None:
    """After the commit. An outage that is new to this process has been on record since now, as far as it knows."""
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
