"""A page of a wallet's history: the first one and deep ones, of a thousand entries and of ten million."""

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from bench.client import Answers, Load, load_send
from bench.long_history import STEP_MS, long_history_load, tables_vacuum
from bench.measure import Bar, Figure, percentiles_ms
from bench.people import People, people_load
from bench.requests import CONNECTIONS, get_bytes
from bench.sizes import Sizes
from bench.stage import Stage, site_run
from devtools.servers import database_make
from transactions.selectors import HistoryQuery, entry_page
from wallet_project.embedded import SUPERUSER

DATABASE = "history"
_SHORT = 1_000
_CURSORS = 200
_PROBE_S = 3.0
_LOAD_SHARE = 0.4
#: "The same time" leaves room for the noise of a machine.
_SAME = 1.25


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pages:
    """Some pages of one wallet: their cursors, None for the first page."""

    name: str
    wallet_id: int
    token: str
    cursors: Sequence[str | None]


def history(stage: Stage, sizes: Sizes) -> Sequence[Figure]:
    """Runs in a database of its own (see `history_database`), so that its entries weigh on no other scenario."""
    people, began_ms = _load(stage, sizes)
    began = datetime.fromtimestamp(began_ms / 1_000, tz=UTC)
    kinds = []
    for place, entries in ((0, _SHORT), (2, sizes.entries)):
        wallet_id, token = people.wallets[place].pk, people.tokens[place]
        deep = _cursors_deep(wallet_id, began, entries)
        for depth, cursors in (("first page", [None, None]), ("any page", deep)):
            name = f"{depth} of {entries:,}"
            kinds.append(_Pages(name=name, wallet_id=wallet_id, token=token, cursors=cursors))
    return [*_selector(kinds, sizes), *_http(stage, kinds, sizes)]


@contextmanager
def history_database(stage: Stage) -> Iterator[None]:
    """Points Django's connection to a new database meanwhile."""
    database_make(stage.places, name=DATABASE)
    connection.close()
    usual = connection.settings_dict["NAME"]
    assert settings.DATABASE_MIGRATION is not None
    connection.settings_dict["NAME"] = settings.DATABASE_MIGRATION["NAME"] = DATABASE
    try:
        call_command("migrate", verbosity=0)
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = settings.DATABASE_MIGRATION["NAME"] = usual


def _load(stage: Stage, sizes: Sizes) -> tuple[People, int]:
    url = stage.places.database_url(DATABASE, role=SUPERUSER)
    people = people_load(4, money=0)
    began_ms = int(time.time() * 1_000) - (sizes.entries + 1) * STEP_MS
    for pair, entries in ((0, _SHORT), (1, sizes.entries)):
        long_history_load(url=url, people=people, pair=pair, entries=entries, began_ms=began_ms)
    tables_vacuum(url=url)
    return people, began_ms


def _cursors_deep(wallet_id: int, began: datetime, entries: int) -> list[str | None]:
    """Cursors that the site itself gave out, to pages all over the wallet's history."""
    chance = random.Random(5)
    cursors: list[str | None] = []
    for _ in range(_CURSORS):
        until = began + timedelta(milliseconds=STEP_MS) * chance.randint(entries // 10, entries)
        cursors.append(entry_page(wallet_id=wallet_id, query=HistoryQuery(limit=1, until=until)).next)
    return cursors


def _selector(kinds: Sequence[_Pages], sizes: Sizes) -> list[Figure]:
    latencies_ms: dict[str, list[float]] = {pages.name: [] for pages in kinds}
    # By turns, so that what else happens on the machine happens to all of them.
    for number in range(sizes.page_reads):
        for pages in kinds:
            query = HistoryQuery(cursor=pages.cursors[number % len(pages.cursors)])
            started_s = time.perf_counter()
            page = entry_page(wallet_id=pages.wallet_id, query=query)
            latencies_ms[pages.name].append((time.perf_counter() - started_s) * 1_000)
            assert page.entries
    return _figures("history, selector", kinds, latencies_ms)


def _http(stage: Stage, kinds: Sequence[_Pages], sizes: Sizes) -> list[Figure]:
    with site_run(stage, database=DATABASE, with_cache=False) as port:
        _send(port, kinds[0], seconds=_PROBE_S)
        greatest_per_s = _send(port, kinds[0], seconds=_PROBE_S).per_s
        rate_per_s = greatest_per_s * _LOAD_SHARE
        answers: dict[str, list[float]] = {pages.name: [] for pages in kinds}
        for _ in range(max(2, sizes.rounds)):
            for pages in kinds:
                answers[pages.name] += _send(port, pages, seconds=_PROBE_S, rate_per_s=rate_per_s).latencies_ms
    return _figures("history over HTTP", kinds, answers, note=f"open loop at {rate_per_s:.0f} pages/s, cache off")


def _send(port: int, pages: _Pages, *, seconds: float, rate_per_s: float | None = None) -> Answers:
    path = f"/api/v1/wallets/{pages.wallet_id}/transactions"
    requests = [get_bytes(f"{path}?cursor={cursor}" if cursor else path, token=pages.token) for cursor in pages.cursors]
    return load_send(
        Load(
            port=port,
            requests=requests,
            expected_status=200,
            connections=CONNECTIONS,
            seconds=seconds,
            rate_per_s=rate_per_s,
        )
    )


def _figures(
    what: str, kinds: Sequence[_Pages], latencies_ms: dict[str, list[float]], *, note: str = ""
) -> list[Figure]:
    """The median is the figure; the first page of the short history is what the others are held against."""
    figures: list[Figure] = []
    for pages in kinds:
        p50_ms, p99_ms = percentiles_ms(latencies_ms[pages.name])
        bar = Bar(most=_SAME, relative_to=figures[0].scenario, name=f"first of {_SHORT:,}") if figures else None
        figures.append(
            Figure(
                scenario=f"{what}, {pages.name}",
                value=p50_ms,
                unit="ms",
                p50_ms=p50_ms,
                p99_ms=p99_ms,
                bar=bar,
                note="" if figures else note,
            )
        )
    return figures
