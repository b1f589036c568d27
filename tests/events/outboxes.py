"""Reading the outbox and comparing it with the books."""

from django.db import connection

from transactions.models import SettledEvent

Side = tuple[int, int]

_OWED_SQL = """
SELECT transaction_id, wallet_id FROM transactions_entry WHERE sequence IS NOT NULL
UNION ALL
SELECT id, coalesce(source_id, destination_id) FROM transactions_transaction WHERE status = 'failed'
"""


def outbox() -> list[Side]:
    """(transaction id, wallet id) of each event in the outbox, in order of publication."""
    return list(SettledEvent.objects.order_by("position").values_list("transaction_id", "wallet_id"))


def outbox_empty() -> None:
    """Deletes all events, as if they had been published."""
    SettledEvent.objects.all().delete()


def assert_outbox_complete() -> None:
    """Asserts that the outbox has exactly the events of all settled transactions. None may have been published yet."""
    with connection.cursor() as cursor:
        cursor.execute(_OWED_SQL)
        assert sorted(outbox()) == sorted(cursor.fetchall())
