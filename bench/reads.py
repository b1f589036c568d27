"""Balances and histories over HTTP: from the cache, without it, unchanged, and while they change."""

import random
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection

from django.db import connection

from bench.client import Answers, Load, load_send
from bench.cpu import Cpu, Meter, cpu_median
from bench.http_v1 import LOAD_SHARE
from bench.measure import Bar, Figure, median, percentiles_ms
from bench.people import People
from bench.requests import CONNECTIONS, get_bytes
from bench.site_urls import EMPTY_PATH
from bench.sizes import Sizes
from bench.stage import Stage, site_run
from kit.cache.protocol import cache_trust_assert
from transactions.ledger.commands import Command
from transactions.ledger.post import post
from transactions.models import Kind

EMPTY = "an empty DRF view"
#: How many wallets are looked at, each by its owner.
_WATCHED = 100
#: More than one page of history for each.
_TRANSFERS = 4_000
_WARM_UP_S = 2.0
#: Into so many turns each round is cut.
_TURNS = 5
_UNIT = "reads/s"
_BAR = Bar(least=0.6, relative_to=EMPTY, name="empty view")
#: The writer moves money between the watched wallets with such pauses, in so many transfers for each ten of them: each
#: wallet changes about once a second.
_PAUSE_S = 0.2
_WRITTEN_OF_TEN = 1
#: On how few wallets all those press "refresh" who wait for money.
_SPAMMED = 10


def reads(stage: Stage, people: People, sizes: Sizes) -> Sequence[Figure]:
    chance = random.Random(6)
    for _ in range(_TRANSFERS // 1_000):
        post([_transfer(people, chance, _WATCHED) for _ in range(1_000)])
    # Both servers were started by this process, and nothing writes now.
    cache_trust_assert()
    return [*_with_cache(stage, people, sizes), *_without_cache(stage, people, sizes), *_spam(stage, people, sizes)]


def _with_cache(stage: Stage, people: People, sizes: Sizes) -> list[Figure]:
    with site_run(stage) as port:
        kinds = {
            EMPTY: ([get_bytes(EMPTY_PATH, token="none")] * _WATCHED, 200),
            "balance, cached": (_requests(people, ""), 200),
            "history page, cached": (_requests(people, "/transactions"), 200),
            "balance, not modified": (_requests_conditional(port, people), 304),
        }
        figures = _closed_loops(stage, port, kinds, sizes)
        rate_per_s = figures[1].value * LOAD_SHARE
        calm = _send(port, _requests(people, ""), seconds=sizes.round_s, rate_per_s=rate_per_s)
        with _writing(people, _WATCHED):
            written = _send(port, _requests(people, ""), seconds=sizes.round_s, rate_per_s=rate_per_s)
    note = f"open loop at {rate_per_s:.0f} reads/s"
    return [
        *figures,
        _latency("balance, cached, nothing changes", calm, note=note),
        _latency("balance, while all of them change", written, note=note),
    ]


def _without_cache(stage: Stage, people: People, sizes: Sizes) -> list[Figure]:
    with site_run(stage, with_cache=False) as port:
        kinds = {
            "balance, cache off": (_requests(people, ""), 200),
            "history page, cache off": (_requests(people, "/transactions"), 200),
        }
        return _closed_loops(stage, port, kinds, sizes)


def _closed_loops(
    stage: Stage, port: int, kinds: Mapping[str, tuple[Sequence[bytes], int]], sizes: Sizes
) -> list[Figure]:
    """By turns, short ones and many, so that what else happens on the machine happens to all of them."""
    rounds: dict[str, list[tuple[float, Cpu]]] = {name: [] for name in kinds}
    for requests, status in kinds.values():
        _send(port, requests, status=status, seconds=_WARM_UP_S)
    for _ in range(sizes.rounds * _TURNS):
        for name, (requests, status) in kinds.items():
            meter = stage.meter()
            answers = _send(port, requests, status=status, seconds=sizes.round_s / _TURNS, meter=meter)
            used = meter.stop(load_ms=answers.cpu_ms)
            rounds[name].append((answers.per_s, used.per(len(answers.latencies_ms))))
    return [
        Figure(
            scenario=name,
            value=median([per_s for per_s, _ in turns]),
            unit=_UNIT,
            cpu=cpu_median([used for _, used in turns]),
            bar=_BAR if name.endswith(", cached") else None,
        )
        for name, turns in rounds.items()
    ]


def _spam(stage: Stage, people: People, sizes: Sizes) -> list[Figure]:
    """How much of a storm of refreshes gets through to Postgres, while some of the wallets change."""
    figures: list[Figure] = []
    for name, with_cache in (("with the cache", True), ("with the cache off", False)):
        before = _committed()
        with site_run(stage, with_cache=with_cache) as port, _writing(people, _SPAMMED) as lists:
            answers = _send(port, _requests(people, "")[:_SPAMMED], seconds=sizes.round_s)
        # The site has stopped: Postgres has counted all that its connections did.
        asked = _committed() - before - len(lists)
        per_thousand = asked / len(answers.latencies_ms) * 1_000
        figures.append(
            Figure(
                scenario=f"refreshes of {_SPAMMED} balances, {name}",
                value=per_thousand,
                unit="queries",
                note="" if figures else "what Postgres saw for each thousand reads; each balance changes once a second",
            )
        )
    return figures


def _committed() -> int:
    """How many transactions Postgres has committed; each of the site's reads is one of its own."""
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


@contextmanager
def _writing(people: People, wallets: int) -> Iterator[list[int]]:
    """Money moves between the first so many wallets meanwhile; a number for each list that was posted."""
    chance, done, lists = random.Random(7), threading.Event(), list[int]()
    count = wallets * _WRITTEN_OF_TEN // 10

    def write() -> None:
        try:
            while not done.wait(_PAUSE_S):
                lists.append(len(post([_transfer(people, chance, wallets) for _ in range(count)])))
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield lists
    finally:
        done.set()
        writer.join()
    if not lists:
        raise RuntimeError("nothing was written")


def _transfer(people: People, chance: random.Random, wallets: int) -> Command:
    source, destination = chance.sample(range(wallets), 2)
    return Command(
        kind=Kind.TRANSFER,
        amount=1,
        source_id=people.wallets[source].pk,
        destination_id=people.wallets[destination].pk,
        initiator_id=people.users[source].pk,
    )


def _requests(people: People, rest: str) -> list[bytes]:
    return [
        get_bytes(_path(people, number) + rest, token=people.tokens[number], headers={"Accept-Encoding": "gzip"})
        for number in range(_WATCHED)
    ]


def _requests_conditional(port: int, people: People) -> list[bytes]:
    """Each asks whether the balance is still the one that was read before."""
    client = HTTPConnection("127.0.0.1", port, timeout=30)
    requests = []
    for number in range(_WATCHED):
        token = people.tokens[number]
        client.request("GET", _path(people, number), headers={"Authorization": f"Bearer {token}"})
        answer = client.getresponse()
        answer.read()
        etag = answer.headers["ETag"]
        requests.append(get_bytes(_path(people, number), token=token, headers={"If-None-Match": etag}))
    client.close()
    return requests


def _path(people: People, number: int) -> str:
    return f"/api/v1/wallets/{people.wallets[number].pk}"


def _latency(scenario: str, answers: Answers, *, note: str) -> Figure:
    p50_ms, p99_ms = percentiles_ms(answers.latencies_ms)
    return Figure(scenario=scenario, value=p50_ms, unit="ms", p50_ms=p50_ms, p99_ms=p99_ms, note=note)


def _send(
    port: int,
    requests: Sequence[bytes],
    *,
    seconds: float,
    status: int = 200,
    rate_per_s: float | None = None,
    meter: Meter | None = None,
) -> Answers:
    return load_send(
        Load(
            port=port,
            requests=requests,
            expected_status=status,
            connections=CONNECTIONS,
            seconds=seconds,
            rate_per_s=rate_per_s,
        ),
        at_start=meter.start if meter else None,
    )
