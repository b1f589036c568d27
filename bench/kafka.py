"""The Kafka channel: a broker of the bench's own, and two consumers, as many as there are Celery workers beside it."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from django.db import connection

from bench.accepting import Channel
from bench.stage import Stage, command_run, process_run
from devtools.broker import MISSING, BrokerPlaces, broker_fetch, broker_possible, broker_server, ports_free
from transactions.models import Status, Transaction

_CONSUMERS = 2
_TIME_LIMIT_S = 120.0
_POLL_S = 0.01


def kafka_missing() -> str:
    """Why there can be no broker here; empty where there can."""
    return "" if broker_possible() else MISSING


@contextmanager
def broker_run(stage: Stage) -> Iterator[Mapping[str, str]]:
    """A broker with its topics; yields how a process finds it."""
    broker_fetch()
    port, controller_port = ports_free(2)
    places = BrokerPlaces(stage.places.root / f"kafka-{port}", port, controller_port)
    broker = broker_server(places, run_dir=stage.places.root)
    environment = {"KAFKA_BOOTSTRAP_SERVERS": places.bootstrap}
    broker.start()
    try:
        command_run([sys.executable, "manage.py", "kafka_topics"], environment)
        yield environment
    finally:
        broker.stop()


@contextmanager
def _consumers_run(stage: Stage) -> Iterator[Mapping[str, str]]:
    with broker_run(stage) as broker, ExitStack() as stack:
        environment = {**broker, "TRANSFER_CHANNEL": "kafka"}
        for number in range(_CONSUMERS):
            command = [sys.executable, "manage.py", "consume_transfers"]
            stack.enter_context(process_run(stage, f"consumer-{number}", command, environment))
        yield environment


def _posted_await(wanted: int) -> float:
    """There are no jobs whose end could be seen. Counting the transactions takes time from those who settle them, so
    that begins only when as many entries have been numbered as so many transactions have at least."""
    deadline = time.monotonic() + _TIME_LIMIT_S
    while _entries_numbered() < 2 * wanted or _posted() < wanted:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{wanted - _posted()} transfers were not settled in {_TIME_LIMIT_S:.0f} s")
        time.sleep(_POLL_S)
    return time.monotonic()


def _posted() -> int:
    return Transaction.objects.filter(status=Status.POSTED).count()


def _entries_numbered() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM transactions_entry_id_seq")
        return int(cursor.fetchone()[0])


KAFKA = Channel(run=_consumers_run, await_settled=_posted_await)
