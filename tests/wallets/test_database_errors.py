"""Tells database errors after which a retry may succeed from those that a rule caused."""

from collections.abc import Iterator

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from kit.db.errors import constraint_violated, database_gave_up
from wallets.models import Wallet

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def own_connection() -> Iterator[None]:
    """Closes the connection after each test, because the tests change its settings or break it."""
    yield
    connection.close()


def sleep(seconds: int) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [seconds])


@pytest.mark.parametrize("timeout", ["transaction_timeout", "statement_timeout"])
def test_a_timeout_may_succeed_later(timeout: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, '50', false)", [timeout])

    with pytest.raises(DatabaseError) as raised:
        sleep(20)

    assert database_gave_up(raised.value)


def test_a_violated_constraint_will_not_succeed_later() -> None:
    with pytest.raises(IntegrityError) as raised, transaction.atomic():
        Wallet.objects.create(owner=None, currency="XXX", balance=-1, version=1)

    assert not database_gave_up(raised.value)
    assert constraint_violated(raised.value)
