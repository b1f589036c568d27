"""The bench's own Kafka broker."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bench import cpu, interfaces
from bench.stage import Stage, command_run
from devtools.broker import MISSING, BrokerPlaces, broker_fetch, broker_possible, broker_server, ports_free


def kafka_missing() -> str:
    """Why there can be no broker here; empty where there can."""
    return "" if broker_possible() else MISSING


@contextmanager
def broker_run(stage: Stage) -> Iterator[Mapping[str, str]]:
    """A broker with the topics; yields the environment by which a process finds it."""
    broker_fetch()
    port, controller_port = ports_free(2)
    places = BrokerPlaces(stage.places.root / f"kafka-{port}", port, controller_port)
    broker = broker_server(places, run_dir=stage.places.root)
    environment = {interfaces.KAFKA_SERVERS: places.bootstrap}
    broker.start()
    assert broker.process is not None
    stage.pids[cpu.KAFKA][broker.name] = broker.process.pid
    try:
        command_run(stage, interfaces.KAFKA_TOPICS, environment)
        yield environment
    finally:
        del stage.pids[cpu.KAFKA][broker.name]
        broker.stop()
