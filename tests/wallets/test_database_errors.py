"""Which errors of the database say "later", and which say "no"."""

from collections.abc import Iterator

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from kit.db.errors import constraint_violated, database_gave_up
from wallets.models import Wallet

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def own_connection() -> Iterator[None]:
    """Settings of the connection, and its end, concern no other test."""
    yield
    connection.close()


def sleep(seconds: int) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [seconds])


@pytest.mark.parametrize("timeout", ["transaction_timeout", "statement_timeout"])
def test_what_took_too_long_may_be_tried_later(timeout: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, '50', false)", [timeout])

    with pytest.raises(DatabaseError) as raised:
        sleep(20)

    assert database_gave_up(raised.value)


def test_a_rule_that_refuses_will_refuse_again() -> None:
    with pytest.raises(IntegrityError) as raised, transaction.atomic():
        Wallet.objects.create(owner=None, currency="XXX", balance=-1, version=1)

    assert not database_gave_up(raised.value)
    assert constraint_violated(raised.value)
