"""Databases that take no writes, and a Redis of one's own."""

from collections.abc import Iterator

import pytest
from django.db import connection, connections

from tests.outages.pooler import Pooler
from tests.settlement.conftest import broker, places
from wallet_project.embedded import Places

__all__ = ["broker", "places"]


@pytest.fixture
def pooler(transactional_db: None, places: Places) -> Iterator[Pooler]:
    pooler = Pooler(places.root)
    yield pooler
    pooler.stop()


@pytest.fixture
def read_only_later(transactional_db: None) -> Iterator["ReadOnly"]:
    """Makes the tests' database read-only when the test asks for it, as providers do when a disk is full."""
    switch = ReadOnly()
    yield switch
    switch.off()


class ReadOnly:
    """New sessions of the database are read-only, also those of other processes."""

    def on(self) -> None:
        self._execute(f"ALTER DATABASE {self._name} SET default_transaction_read_only = on")
        connections.close_all()

    def off(self) -> None:
        self._execute("SET default_transaction_read_only = off")
        self._execute(f"ALTER DATABASE {self._name} RESET default_transaction_read_only")
        connections.close_all()

    @property
    def _name(self) -> str:
        return connection.ops.quote_name(connection.settings_dict["NAME"])

    @staticmethod
    def _execute(sql: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql)
