"""Settled events: what writing them costs the settlement, and how fast one relay tells them."""

import random
import time
from collections.abc import Sequence

from bench.kafka import broker_run
from bench.measure import Figure
from bench.people import People
from bench.settle import backend_pid, settling_measure, tables_rest
from bench.sizes import Sizes
from bench.stage import Stage, process_run
from transactions.events.switch import settled_events_switch_off, settled_events_switch_on
from transactions.models import SettledEvent

_TIME_LIMIT_S = 300.0
_POLL_S = 0.02


def events(stage: Stage, people: People, sizes: Sizes) -> Sequence[Figure]:
    chance = random.Random(8)
    settled_events_switch_on()
    try:
        settled = settling_measure(
            stage, people, sizes, scenario="settle, spread, with events", pairs=lambda: people.pair(chance)
        )
    finally:
        settled_events_switch_off()
    return [settled, _told(stage)]


def _told(stage: Stage) -> Figure:
    """One relay and an outbox that holds all of what was just settled."""
    tables_rest()
    count = SettledEvent.objects.count()
    relay = ("manage.py", "relay_settled_events")
    with broker_run(stage) as environment, process_run(stage, "relay", relay, environment):
        # From the first batch on: how long Python takes to start is not asked.
        _outbox_await(below=count)
        meter = stage.meter(left_out=backend_pid())
        meter.start()
        told, started_s = SettledEvent.objects.count(), time.monotonic()
        _outbox_await(below=1)
        took_s = time.monotonic() - started_s
        used = meter.stop().per(told)
    note = f"{told:,} in an outbox of {count:,}, with nothing else at work"
    return Figure(scenario="settled events, one relay", value=told / took_s, unit="events/s", note=note, cpu=used)


def _outbox_await(*, below: int) -> None:
    deadline = time.monotonic() + _TIME_LIMIT_S
    while SettledEvent.objects.count() >= below if below > 1 else SettledEvent.objects.exists():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{SettledEvent.objects.count()} events were not told in {_TIME_LIMIT_S:.0f} s")
        time.sleep(_POLL_S)
