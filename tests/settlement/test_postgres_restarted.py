"""Postgres crashes and restarts during settling. The test uses a separate server."""

import signal
from collections.abc import Callable, Iterator

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, connections
from pytest_django import Settings

from devtools.servers import Server, database_make, directories_make, postgres_server
from tests.people import crowd_wallets, funded
from tests.settlement.books import assert_in_order, assert_settled, pending_count
from tests.settlement.locks import wallet_held
from tests.settlement.transfers import accept, transfer
from tests.settlement.waiting import wait_until
from tests.settlement.worker import Worker
from transactions.settlement.accept import transfers_accept
from wallet_project.embedded import Places

pytestmark = pytest.mark.long


@pytest.fixture
def own_postgres(transactional_db: None, places: Places, settings: Settings) -> Iterator[Server]:
    """A separate Postgres that this process and its workers use until the test ends."""
    directories_make(places)
    server = postgres_server(places)
    # Without it, Postgres still survives its own crash, but not one of the machine.
    server.command = [*server.command, "-c", "fsync=off"]
    # Always stops as in a crash: it ends no session properly, and the next start recovers from the log.
    server.stop_signal = signal.SIGQUIT
    server.start()
    database_make(places)
    connections.close_all()
    before = {name: connection.settings_dict[name] for name in ("HOST", "PORT", "NAME", "PASSWORD")}
    own = {"HOST": str(places.sockets), "PORT": "", "NAME": "wallet", "PASSWORD": ""}
    connection.settings_dict.update(own)
    settings.DATABASE_MIGRATION = settings.DATABASE_MIGRATION | own
    try:
        call_command("migrate", verbosity=0)
        yield server
    finally:
        connections.close_all()
        connection.settings_dict.update(before)
        server.stop()


def test_a_crash_of_postgres_during_a_batch_loses_nothing(
    own_postgres: Server, worker_start: Callable[[], Worker]
) -> None:
    alice, bob, charlie = (funded(name, 10_000) for name in ("alice", "bob", "charlie"))
    others = crowd_wallets(40, 1_000)
    accepted = accept([transfer(alice, charlie)] * 300 + [transfer(bob, charlie)] * 300)
    accepted += accept([transfer(other, alice) for other in others] * 10)
    with wallet_held(charlie):
        worker = worker_start()
        worker.wait_until_blocked()
        own_postgres.stop()
        with pytest.raises(OperationalError):
            transfers_accept([transfer(alice, bob)])
        own_postgres.start()

    more = accept([transfer(alice, charlie)] * 5)
    wait_until(lambda: pending_count() == 0, what="the worker has reconnected and settled everything")
    assert worker.process.poll() is None
    assert_settled([*accepted, *more], posted=1_005)
    assert_in_order(alice, [*accepted, *more])
    assert_in_order(bob, accepted)
