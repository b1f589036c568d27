"""The guards of the outbox refuse raw SQL."""

import pytest
from django.core.management import call_command
from django.db import IntegrityError, ProgrammingError, connection

from kit.db.errors import constraint_violated
from tests.database import acting_as_superuser
from tests.events.outboxes import outbox
from tests.people import funded
from transactions.events.switch import settled_events_are_on

_INSERT = "INSERT INTO transactions_settledevent (transaction_id, wallet_id)"


@pytest.mark.parametrize(
    ("rule", "sql"),
    [
        ("settledevent_by_settling_alone", f"{_INSERT} VALUES (1, 1)"),
        ("settledevent_by_settling_alone", f"{_INSERT} SELECT transaction_id, wallet_id FROM transactions_entry"),
        ("settledevent_is_fixed", "UPDATE transactions_settledevent SET position = position + 1000"),
        ("settledevent_is_fixed", "UPDATE transactions_settledevent SET wallet_id = 0"),
        ("settledevent_no_truncate", "TRUNCATE transactions_settledevent"),
    ],
)
def test_events_cannot_be_forged_or_changed(events_on: None, rule: str, sql: str) -> None:
    funded("alice", 100)
    before = outbox()

    with acting_as_superuser(), connection.cursor() as cursor, pytest.raises(IntegrityError) as error:
        cursor.execute(sql)
    with connection.cursor() as cursor, pytest.raises(ProgrammingError, match="permission denied"):
        cursor.execute(sql)

    assert constraint_violated(error.value) == rule
    assert outbox() == before != []


def test_the_migration_can_be_reversed_while_events_are_on(events_on: None) -> None:
    call_command("migrate", "transactions", "0004", verbosity=0)
    try:
        assert not settled_events_are_on()
        assert funded("alice", 100).id
    finally:
        call_command("migrate", "transactions", verbosity=0)
