"""The switch for events: database triggers that are enabled or disabled.

It is not a setting, because two processes with different environments would disagree, and events would be missing
without notice. With triggers, all entry points change at the same moment: transactions that commit before it have no
events, and transactions that commit after it have all of theirs. While events are off, they cost nothing.
"""

import time
from collections.abc import Iterable

from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

#: Trigger → the event it fires after, the function it calls, and that function's name for the statement's rows.
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
# Race: without the lock, a posting could run while only some of the triggers are enabled. The tables are locked in the
# order in which a posting writes them, so that the two cannot deadlock. While this statement waits for the lock, all
# postings wait behind it; hence the short timeout.
_LOCK_SQL = """
SET LOCAL lock_timeout = '1s';
LOCK TABLE transactions_transaction, transactions_entry IN SHARE ROW EXCLUSIVE MODE
"""
#: How often the switch tries to lock the books before it raises SwitchBusyError.
ATTEMPTS_MAX = 10
#: The wait after the n-th attempt is n times this long. It lets the postings through that waited behind the switch.
_BACK_OFF_S = 0.1


class SwitchBusyError(RuntimeError):
    """A long database transaction kept the books from being locked."""


def settled_events_are_on() -> bool:
    """Whether every settled transaction gets its events."""
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
    """Switches events on: every transaction that settles from now on has its events.

    Returns False if they are on already. Raises SwitchBusyError.
    """
    if settled_events_are_on():
        return False
    _switch(
        f"CREATE OR REPLACE TRIGGER {name} AFTER {event} REFERENCING NEW TABLE AS {rows} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {function}(); ALTER TABLE {_table(event)} ENABLE TRIGGER {name}"
        for name, (event, function, rows) in _TRIGGERS.items()
    )
    return True


def settled_events_switch_off() -> bool:
    """Switches events off: no new events are written. Those that wait in the outbox are still published.

    Returns False if they are off already. Raises SwitchBusyError.
    """
    enabled = _triggers_enabled()
    if not enabled:
        return False
    # Disables the triggers instead of dropping them. Dropping takes a stronger lock, which could deadlock with a
    # transaction that has read the books and is about to post.
    _switch(f"ALTER TABLE {_table(_TRIGGERS[name][0])} DISABLE TRIGGER {name}" for name in sorted(enabled))
    return True


def _table(event: str) -> str:
    return event.rpartition(" ")[2]


def _switch(statements: Iterable[str]) -> None:
    """Runs the statements in one database transaction, under the lock. An attempt delays postings by up to a second."""
    sql = "; ".join([_LOCK_SQL, *statements])
    for attempt in range(ATTEMPTS_MAX):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(sql)
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            time.sleep(_BACK_OFF_S * (attempt + 1))
        else:
            return
    raise SwitchBusyError("A long database transaction keeps the books busy; try again.")
