"""v2 over HTTP: accepted transfers, counted when they are settled by workers that run at the same time."""

from collections.abc import Sequence

from bench import interfaces
from bench.accepting import KAFKA, POSTGRES, Accepting, Channel, accepting_measure
from bench.measure import Bar, Figure
from bench.people import People
from bench.requests import CONNECTIONS, bulk_requests, transfer_requests
from bench.sizes import Sizes
from bench.stage import Stage

_ITEMS = 1_000


def v2_single(stage: Stage, people: People, sizes: Sizes) -> Sequence[Figure]:
    return _single(stage, people, sizes, name="v2 over HTTP, single", channel=POSTGRES)


def v2_bulk(stage: Stage, people: People, sizes: Sizes) -> Sequence[Figure]:
    name = f"v2 over HTTP, lists of {_ITEMS}"
    return _bulk(stage, people, sizes, name=name, channel=POSTGRES, bar=Bar(least=2.0))


def kafka_single(stage: Stage, people: People, sizes: Sizes) -> Sequence[Figure]:
    return _single(stage, people, sizes, name="Kafka: v2 over HTTP, single", channel=KAFKA)


def kafka_bulk(stage: Stage, people: People, sizes: Sizes) -> Sequence[Figure]:
    return _bulk(stage, people, sizes, name=f"Kafka: v2 over HTTP, lists of {_ITEMS}", channel=KAFKA, bar=None)


def _single(stage: Stage, people: People, sizes: Sizes, *, name: str, channel: Channel) -> Sequence[Figure]:
    requests = transfer_requests(interfaces.TRANSFERS_V2, people, count=20_000, seed=3)
    accepting = Accepting(name=name, requests=requests, items=1, connections=CONNECTIONS, channel=channel)
    return accepting_measure(stage, sizes, accepting)


def _bulk(
    stage: Stage, people: People, sizes: Sizes, *, name: str, channel: Channel, bar: Bar | None
) -> Sequence[Figure]:
    requests = bulk_requests(interfaces.LISTS_V2, people, count=100, items=_ITEMS, seed=4)
    accepting = Accepting(name=name, requests=requests, items=_ITEMS, connections=4, channel=channel, bar=bar)
    return accepting_measure(stage, sizes, accepting)
