"""Whether events are written at all. The switch is in the database, as triggers that are enabled or are not.

Not a setting: two processes with different environments would disagree, and the stream would have holes that nobody
notices. So all doors change over at one moment: what commits before it has no events, what commits after it has them
all. While they are off, they cost nothing.
"""

import time
from collections.abc import Iterable

from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

#: Trigger → what it fires after, what it calls, and what that calls the rows of the statement.
_TRIGGERS = {
    "settled_event_of_birth": (
        "INSERT ON transactions_transaction",
        "settled_events_of_failures",
        "new_transactions",
    ),
    "settled_event_of_outcome": (
        "UPDATE ON transactions_transaction",
        "settled_events_of_failures",
        "new_transactions",
    ),
    "settled_event_of_entry": ("INSERT ON transactions_entry", "settled_events_of_entries", "new_entries"),
}
# The lock stops a posting from committing halfway between on and off. In the order in which a posting takes these
# tables, so that the two cannot deadlock. While this waits, all postings wait behind it: hence no longer than that.
_LOCK_SQL = """
SET LOCAL lock_timeout = '1s';
LOCK TABLE transactions_transaction, transactions_entry IN SHARE ROW EXCLUSIVE MODE
"""
_ATTEMPTS = 10
#: Between two attempts, times their number: those who waited get through first.
_BREATH_S = 0.1


class SwitchBusyError(RuntimeError):
    """Somebody's long transaction keeps the books from being locked."""


def settled_events_are_on() -> bool:
    return _triggers_enabled() == _TRIGGERS.keys()


def _triggers_enabled() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT tgname FROM pg_trigger WHERE tgname = ANY(%s) AND tgenabled = 'O'
            AND tgrelid IN ('transactions_transaction'::regclass, 'transactions_entry'::regclass)""",
            [list(_TRIGGERS)],
        )
        return {name for (name,) in cursor.fetchall()}


def settled_events_switch_on() -> bool:
    """From now on everything that settles is told of. False where it is already. Raises SwitchBusyError."""
    if settled_events_are_on():
        return False
    _switch(
        f"CREATE OR REPLACE TRIGGER {name} AFTER {event} REFERENCING NEW TABLE AS {rows} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {function}(); ALTER TABLE {_table(event)} ENABLE TRIGGER {name}"
        for name, (event, function, rows) in _TRIGGERS.items()
    )
    return True


def settled_events_switch_off() -> bool:
    """From now on nothing new is told of; what waits still is. False where it is off. Raises SwitchBusyError."""
    enabled = _triggers_enabled()
    if not enabled:
        return False
    # Not dropped: that takes a stronger lock, behind which whoever has read the books and is about to post would
    # deadlock with this.
    _switch(f"ALTER TABLE {_table(_TRIGGERS[name][0])} DISABLE TRIGGER {name}" for name in sorted(enabled))
    return True


def _table(event: str) -> str:
    return event.rpartition(" ")[2]


def _switch(statements: Iterable[str]) -> None:
    """All of it at one moment, under the lock. Each attempt holds the postings up for a second at the most."""
    sql = "; ".join([_LOCK_SQL, *statements])
    for attempt in range(_ATTEMPTS):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(sql)
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            time.sleep(_BREATH_S * (attempt + 1))
        else:
            return
    raise SwitchBusyError("The books are busy with a long transaction; try again.")
