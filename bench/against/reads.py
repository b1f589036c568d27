"""What the reading scenarios need first: wallets with a history, and a cache that is relied on."""

import time
from collections.abc import Sequence

from bench import interfaces
from bench.against.side import Side
from bench.client import Load, load_send
from bench.cpu import POSTGRES
from bench.requests import CONNECTIONS, mixed_lists
from bench.stage import workers_run

#: Transfers that each wallet sends, and receives on average. Together more than a page of the history.
_SENT = 40
#: A cached read costs Postgres next to nothing, a read of the database five times this.
_CACHED_MS = 0.05
_PROBE = 500
#: For a minute and a half after Redis has started, the site does not rely on it.
_TRUST_TIMEOUT_S = 150.0


def history_write(side: Side, *, wallets: int) -> None:
    """Moves money between the first so many wallets, once for each side."""
    if side.has_history:
        return
    requests = mixed_lists(interfaces.LISTS_V2, side.crowd, count=wallets, items=_SENT, among=wallets)
    base, entries = side.posted(), side.entries_numbered()
    with workers_run(side.stage, with_beat=False):
        load_send(
            Load(
                port=side.site_port, requests=requests, expected_status=202, connections=CONNECTIONS,
                seconds=_TRUST_TIMEOUT_S, count=len(requests),
            )
        )  # fmt: skip
        side.posted_await(base=base, entries=entries, count=wallets * _SENT)
    side.rest()
    side.has_history = True


def cache_await(side: Side, requests: Sequence[bytes]) -> None:
    """Reads until the answers come out of the cache. Raises RuntimeError if they never do."""
    deadline = time.monotonic() + _TRUST_TIMEOUT_S
    while (each_ms := _postgres_ms(side, requests)) > _CACHED_MS:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{side.name} does not use its cache: a read costs Postgres {each_ms:.2f} ms")
        time.sleep(1)


def _postgres_ms(side: Side, requests: Sequence[bytes]) -> float:
    meter = side.meter()
    load = Load(
        port=side.site_port, requests=requests, expected_status=200, connections=CONNECTIONS,
        seconds=_TRUST_TIMEOUT_S, count=_PROBE,
    )  # fmt: skip
    answers = load_send(load, at_start=meter.start)
    return meter.stop(load_ms=0.0).per(len(answers.latencies_ms)).ms[POSTGRES]
