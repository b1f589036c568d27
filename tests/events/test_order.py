"""A wallet's events are in order because each takes its position under the wallet's lock.

test_relay.py tests that they are published in this order.
"""

import pytest
from django.db import OperationalError, connection

from tests.dead_letter_desk.letters import dead_make
from tests.people import funded
from tests.settlement.locks import wallet_held
from transactions.settlement.dead_letters import dead_letter_fail


def test_failing_a_dead_letter_waits_for_the_source_wallets_lock(events_on: None) -> None:
    """Without the lock, its event could take a position that does not match the order of commits."""
    alice = funded("alice", 100)
    funded("bob")
    assert alice.owner is not None
    dead = dead_make(alice.owner, "bob", 10)
    with wallet_held(alice), connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '200ms'")
        with pytest.raises(OperationalError):
            dead_letter_fail(transaction_id=dead.id, actor=None, note="a broken guard")
        cursor.execute("RESET lock_timeout")

    assert dead_letter_fail(transaction_id=dead.id, actor=None, note="a broken guard")


def test_positions_are_not_cached_per_connection(db: None) -> None:
    """If connections took blocks of positions, a wallet's later event could get an earlier position."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT seqcache, seqincrement, seqcycle FROM pg_sequence
            WHERE seqrelid = pg_get_serial_sequence('transactions_settledevent', 'position')::regclass"""
        )
        assert cursor.fetchone() == (1, 1, False)
