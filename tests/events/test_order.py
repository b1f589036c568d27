"""What the order of a wallet's events rests on: each takes its position under the wallet's lock.

That they come in this order, however many write, is in test_relay.py.
"""

import pytest
from django.db import OperationalError, connection

from tests.dead_letter_desk.letters import dead_make
from tests.settlement.locks import wallet_held
from tests.settlement.people import person_wallet
from transactions.settlement.dead_letters import dead_letter_fail


def test_a_failure_that_staff_decides_waits_for_what_the_wallet_is_settling(events_on: None) -> None:
    """Or its place in the wallet's stream could be an earlier one than its commit's."""
    alice = person_wallet("alice", 100)
    person_wallet("bob")
    assert alice.owner is not None
    dead = dead_make(alice.owner, "bob", 10)
    with wallet_held(alice), connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '200ms'")
        with pytest.raises(OperationalError):
            dead_letter_fail(transaction_id=dead.id, actor=None, note="a broken guard")
        cursor.execute("RESET lock_timeout")

    assert dead_letter_fail(transaction_id=dead.id, actor=None, note="a broken guard")


def test_positions_are_taken_one_by_one(db: None) -> None:
    """A sequence that hands out blocks of numbers to each connection would put a wallet's later events first."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT seqcache, seqincrement, seqcycle FROM pg_sequence
            WHERE seqrelid = pg_get_serial_sequence('transactions_settledevent', 'position')::regclass"""
        )
        assert cursor.fetchone() == (1, 1, False)
