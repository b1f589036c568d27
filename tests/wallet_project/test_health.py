"""The probes: /livez and /readyz, and what the internal port adds."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from pytest_django import Settings

from wallet_project import health

PROBES = ["/livez", "/readyz"]


@pytest.fixture
def silent_server() -> Iterator[int]:
    """The port of a server that accepts connections and never sends anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def details() -> tuple[int, Any]:
    """Status and body of /readyz on the internal port."""
    reading = health.INTERNAL_PROBES["/readyz"]()
    return reading.status, json.loads(reading.body)


def test_liveness_depends_on_no_other_component(client: Client) -> None:
    response = client.get("/livez")
    assert response.status_code == 200
    assert response.json() == {"status": "alive"}
    assert response["Cache-Control"] == "no-store"


@pytest.mark.django_db
def test_it_is_ready_when_postgres_is_up_and_migrated(client: Client) -> None:
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"status": "ready"}
    assert response["Cache-Control"] == "no-store"
    assert details() == (200, {"status": "ready", "parts": {"postgres": "ok", "redis": "ok"}})


@pytest.mark.django_db
@pytest.mark.parametrize("path", PROBES)
def test_a_probe_needs_neither_https_nor_an_allowed_host(client: Client, settings: Settings, path: str) -> None:
    settings.ALLOWED_HOSTS = ["wallet.example"]
    settings.SECURE_SSL_REDIRECT = True
    assert client.get(path, headers={"host": "10.1.2.3:8000"}).status_code == 200


@pytest.mark.parametrize("path", PROBES)
def test_a_probe_refuses_post(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405


@pytest.mark.django_db
def test_it_is_not_ready_without_postgres(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "HOST", "/nowhere")
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"status": "unavailable"}
    assert details() == (503, {"status": "unavailable", "parts": {"postgres": "unavailable", "redis": "ok"}})


@pytest.mark.django_db
def test_it_reports_in_time_that_postgres_hangs(
    client: Client, monkeypatch: pytest.MonkeyPatch, silent_server: int
) -> None:
    monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
    monkeypatch.setitem(connection.settings_dict, "PORT", silent_server)
    monkeypatch.setattr(health, "CHECK_TIMEOUT_S", 0.2)
    started_s = time.monotonic()
    response = client.get("/readyz")
    assert time.monotonic() - started_s < 2
    assert response.status_code == 503
    # The thread of the check only ends with its connection's timeout. Wait for it, because the next test needs it.
    health._postgres_checks.submit(time.monotonic).result(timeout=20)


@pytest.mark.django_db(transaction=True)
def test_it_is_not_ready_while_a_migration_is_missing(client: Client) -> None:
    recorder = MigrationRecorder(connection)
    newest = max(name for app, name in recorder.applied_migrations() if app == "transactions")
    recorder.record_unapplied("transactions", newest)
    try:
        response = client.get("/readyz")
        _, body = details()
    finally:
        recorder.record_applied("transactions", newest)
    assert response.status_code == 503
    assert body["parts"]["postgres"] == "migrations missing"


@pytest.mark.django_db
def test_it_is_ready_without_redis_and_reports_that_redis_is_down(client: Client, settings: Settings) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "unix:///nowhere/valkey.sock"}}
    response = client.get("/readyz")
    assert response.status_code == 200
    assert details() == (200, {"status": "ready", "parts": {"postgres": "ok", "redis": "unavailable"}})


@pytest.mark.django_db
def test_the_public_port_shows_no_metrics(client: Client) -> None:
    assert client.get("/metrics").status_code == 404
