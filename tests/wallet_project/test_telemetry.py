"""Request ids, log lines, metrics."""

import json
import logging
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import structlog
from django.test import Client
from django_redis import get_redis_connection

from telemetry.logs import logging_config
from tests.rpc.server import database_url, free_port
from tests.settlement.waiting import wait_until
from wallet_project.celery import app
from wallet_project.embedded import BASE_DIR
from wallet_project.health import INTERNAL_PROBES

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def test_it_returns_an_acceptable_request_id(client: Client) -> None:
    response = client.get("/accounts/login/", headers={"x-request-id": "order-4711/abc"})
    assert response["X-Request-ID"] == "order-4711/abc"


@pytest.mark.parametrize("strange", ["", "two words", "a\tb", "größe", "x" * 129])
def test_it_replaces_an_unacceptable_request_id(client: Client, strange: str) -> None:
    response = client.get("/accounts/login/", headers={"x-request-id": strange})
    assert UUID.fullmatch(response["X-Request-ID"])


def test_each_request_without_an_id_gets_a_new_one(client: Client) -> None:
    assert client.get("/accounts/login/")["X-Request-ID"] != client.get("/accounts/login/")["X-Request-ID"]


def test_a_request_is_logged_with_its_id_and_its_route(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    client.get("/accounts/password/reset/key/1-set-password/?next=secret", headers={"x-request-id": "4711"})
    (line,) = (line for line in map(_line, caplog.records) if line["event"] == "request_finished")
    assert line["request"] == "GET /accounts/password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$"
    assert line["request_id"] == "4711"
    assert "set-password" not in caplog.text


SECRET_LINKS = [
    "/accounts/confirm-email/s3cret-K3y/",
    "/accounts/confirm-email/MQ:1vO:s3cret_K3y-x/",
    "/accounts/password/reset/key/1-s3cret-K3y/",
    "/accounts/lock/MQ:1vO:s3cret_K3y-x/",
    "/accounts/email/undo/s3cret-K3y/",
]


class _Lines(logging.Handler):
    """Keeps what the site would write."""

    def __init__(self, *, as_json: bool) -> None:
        super().__init__()
        self.as_json = as_json
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(_formatted(record, as_json=self.as_json))


@pytest.mark.parametrize("path", SECRET_LINKS)
@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.django_db
def test_no_log_line_of_a_request_shows_the_secret_of_a_link(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, path: str, as_json: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    kept = _Lines(as_json=as_json)
    monkeypatch.setattr(logging.root, "handlers", [kept])

    def breaks(*_: Any, **__: Any) -> None:
        raise RuntimeError(f"cannot show {path}")

    strict = Client(enforce_csrf_checks=True, raise_request_exception=False)
    strict.get(path)
    strict.post(path, {"password1": "x"})
    strict.generic("BREW", path)
    strict.get(f"/no/such/prefix{path}")
    monkeypatch.setattr("allauth.account.views.ConfirmEmailView.get", breaks)
    monkeypatch.setattr("allauth.account.views.PasswordResetFromKeyView.dispatch", breaks)
    monkeypatch.setattr("wallets.views.security.lock_link_read", breaks)
    monkeypatch.setattr("wallets.auth.views.change_undoable", breaks)
    strict.get(path)

    assert any("CSRF" in line for line in kept.lines)
    assert any("cannot show" in line for line in kept.lines)
    assert [line for line in kept.lines if "s3cret" in line] == []


@pytest.mark.parametrize("path", SECRET_LINKS)
def test_whoever_logs_a_link_shows_no_secret(caplog: pytest.LogCaptureFixture, path: str) -> None:
    caplog.set_level(logging.INFO)
    logging.getLogger("some.library").warning('Fetching %s failed: "%s"', path, f"https://wallet.example{path}")
    line = _line(caplog.records[-1])
    assert "s3cret" not in json.dumps(line)
    assert line["event"].count("[redacted]") == 2


def test_a_log_line_is_json_and_shows_no_secrets(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    structlog.get_logger("tests").info("signed_in", password="hunter2", api_token="t0k3n", email="bob@example.com")
    line = _line(caplog.records[-1])
    assert line["event"] == "signed_in"
    assert line["level"] == "info"
    assert line["password"] == line["api_token"] == line["email"] == "[redacted]"


def test_a_log_line_of_a_library_looks_like_our_own(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with structlog.contextvars.bound_contextvars(request_id="4711"):
        logging.getLogger("some.library").warning("%s went missing", "a spoon", extra={"token": "t0k3n"})
        line = _line(caplog.records[-1])
    assert line["event"] == "a spoon went missing"
    assert line["logger"] == "some.library"
    assert line["request_id"] == "4711"
    assert line["token"] == "[redacted]"


def test_a_traceback_in_the_log_shows_no_local_variables(caplog: pytest.LogCaptureFixture) -> None:
    password = "hunter2"
    try:
        int("x" + password[:0])
    except ValueError:
        structlog.get_logger("tests").exception("failed")
        line = _line(caplog.records[-1])
    assert "ValueError" in line["exception"]
    assert "hunter2" not in json.dumps(line)


def test_a_task_carries_the_id_of_its_request() -> None:
    with structlog.contextvars.bound_contextvars(request_id="4711"):
        app.send_task("nobody.listens", queue="for-this-test")
    message = json.loads(get_redis_connection().lpop("for-this-test"))
    assert message["headers"]["__django_structlog__"]["request_id"] == "4711"


@pytest.mark.django_db
def test_metrics_count_requests_by_route_and_not_by_path(client: Client) -> None:
    client.get("/accounts/login/")
    client.get("/no/such/page-of-alice")
    client.generic("BREW", "/accounts/login/")
    exposition = INTERNAL_PROBES["/metrics"]().body.decode()
    series = "wallet_http_request_duration_seconds_count"
    assert f'{series}{{method="GET",route="/accounts/login/",status="200"}}' in exposition
    assert f'{series}{{method="GET",route="none",status="404"}}' in exposition
    assert f'{series}{{method="other",route="/accounts/login/",status="405"}}' in exposition
    assert "page-of-alice" not in exposition


def test_metrics_of_several_processes_are_summed(tmp_path: Path) -> None:
    counting = "from telemetry.metrics import transactions_posted as posted; posted.labels(kind='deposit').inc(2)"
    showing = "from telemetry.metrics import exposition; print(exposition()[0].decode())"
    for _ in range(2):
        _python(counting, PROMETHEUS_MULTIPROC_DIR=str(tmp_path))
    assert 'wallet_transactions_posted_total{kind="deposit"} 4.0' in _python(
        showing, PROMETHEUS_MULTIPROC_DIR=str(tmp_path)
    )


@pytest.mark.parametrize("command", ["consume_transfers", "relay_settled_events"])
def test_a_process_without_pages_serves_its_metrics_at_its_own_port(
    transactional_db: None, tmp_path: Path, command: str
) -> None:
    port = free_port()
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "INTERNAL_BIND": f"127.0.0.1:{port}",
        # No broker is there, so the process keeps trying to connect.
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}",
    }
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "manage.py", command], cwd=BASE_DIR, env=environment, stdout=log, stderr=log
        ) as process,
    ):
        try:
            wait_until(lambda: "wallet_settlement_faults_total" in _shown_at(port), what="it shows what it counts")
        finally:
            process.kill()


def _shown_at(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def _line(record: logging.LogRecord) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(_formatted(record))
    return line


def _formatted(record: logging.LogRecord, *, as_json: bool = True) -> str:
    """The record as the formatter writes it."""
    options = logging_config(as_json=as_json)["formatters"]["lines"]
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=options["processors"], foreign_pre_chain=options["foreign_pre_chain"]
    )
    return formatter.format(record)


def _python(code: str, **environment: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=BASE_DIR,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
