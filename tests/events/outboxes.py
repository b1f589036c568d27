"""What lies in the outbox, and what the books say should."""

from django.db import connection

from transactions.models import SettledEvent

Side = tuple[int, int]

_OWED_SQL = """
SELECT transaction_id, wallet_id FROM transactions_entry WHERE sequence IS NOT NULL
UNION ALL
SELECT id, coalesce(source_id, destination_id) FROM transactions_transaction WHERE status = 'failed'
"""


def outbox() -> list[Side]:
    """(transaction, wallet) of each event, in the order in which they will be told."""
    return list(SettledEvent.objects.order_by("position").values_list("transaction_id", "wallet_id"))


def outbox_empty() -> None:
    """As if all of it had been told."""
    SettledEvent.objects.all().delete()


def assert_outbox_complete() -> None:
    """For whatever has settled since the beginning, one event for each owned side, and no other."""
    with connection.cursor() as cursor:
        cursor.execute(_OWED_SQL)
        assert sorted(outbox()) == sorted(cursor.fetchall())
