"""Used nonces: each assertion of a web process authorises at most one write.

They are rows in Postgres, so that every process of the service sees them, a restart forgets none, and a wiped Redis
allows no replay.
"""

from datetime import timedelta
from uuid import UUID

from django.db import connection
from django.db.models.functions import Now
from django.db.transaction import TransactionManagementError

from wallets.models import UsedNonce

#: Much longer than a call can be on its way: its assertion expires after seconds, and then it may wait for a thread.
KEPT = timedelta(minutes=10)
# The commit does not wait for the disk. It need not: the commit of the money comes later and flushes it as well, so a
# crash never keeps the money and forgets the nonce.
_SPEND_SQL = """
    WITH unsynced AS (SELECT set_config('synchronous_commit', 'off', true))
    INSERT INTO wallets_usednonce (nonce) SELECT %s FROM unsynced ON CONFLICT DO NOTHING
"""


def nonce_spend(*, nonce: UUID) -> bool:
    """Records the nonce in a transaction of its own. Returns False if it was used before."""
    if connection.in_atomic_block:
        raise TransactionManagementError("In a transaction, its commit would not wait for the disk.")
    with connection.cursor() as cursor:
        # Race: two calls with one assertion. The primary key lets one of them insert; the other waits and inserts none.
        cursor.execute(_SPEND_SQL, [nonce])
        return bool(cursor.rowcount == 1)


def nonces_delete_expired() -> int:
    """Deletes the nonces of assertions that expired long ago. Returns how many."""
    deleted, _ = UsedNonce.objects.filter(used_at__lt=Now() - KEPT).delete()
    return deleted
