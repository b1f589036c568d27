"""What operators see on the internal port, and what the public one does not tell."""

import json
import threading
from functools import partial

import pytest
from django.db import connection

from tests.front.site import Site, body_of, exchange, get, request, status, status_of, took_s
from tests.settlement.locks import outside_connection
from tests.settlement.waiting import wait_until

pytestmark = pytest.mark.slow


def test_the_internal_port_shows_the_parts_and_the_metrics(site: Site, transactional_db: None) -> None:
    ready = exchange(site.internal_port, get("/readyz"))
    assert status(ready) == 200
    assert json.loads(body_of(ready)) == {"status": "ready", "parts": {"postgres": "ok", "redis": "ok"}}
    assert b"wallet_settled_events_waiting" in exchange(site.internal_port, get("/metrics"))
    assert status_of(site.internal_port, "/nothing") == 404
    assert body_of(exchange(site.internal_port, request("HEAD", "/metrics"))) == b""


def test_the_public_port_tells_neither(site: Site, transactional_db: None) -> None:
    ready = exchange(site.port, get("/readyz"))
    assert json.loads(body_of(ready)) == {"status": "ready"}
    metrics = exchange(site.port, get("/metrics"))
    assert status(metrics) == 404
    assert b"wallet_" not in metrics


def test_it_answers_while_every_thread_waits_for_postgres(site: Site, transactional_db: None) -> None:
    with outside_connection() as blocker:
        blocker.execute("LOCK TABLE wallets_browsersession IN ACCESS EXCLUSIVE MODE")
        ask = partial(exchange, site.port, get("/", f"Cookie: sessionid={'a' * 32}"))
        waiting = [threading.Thread(target=ask, daemon=True) for _ in range(8)]
        for thread in waiting:
            thread.start()
        wait_until(lambda: _waiting_count() == 4, what="all four threads wait")
        assert took_s(site.internal_port, "/livez") < 1
    for thread in waiting:
        thread.join()


def _waiting_count() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation'")
        return int(cursor.fetchone()[0])
