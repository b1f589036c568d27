"""`rediss://`: cache and broker are reached through TLS, and only with a certificate of the right authority."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django_redis import get_redis_connection

from kit.cache.protocol import cache_trust_assert
from tests.hostile_redis.attacker import Attacker
from tests.hostile_redis.tls import tls_relay
from tests.rpc.certificates import certificate
from tests.settlement.waiting import wait_until
from tests.settlement.worker import Worker
from tests.wallet_project.test_checks import PRODUCTION, python
from wallet_project.embedded import BASE_DIR
from wallets.models import User
from wallets.warming import person_warm_up

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]

#: Reaches Redis as the site and as Celery do. Prints for each "ok" or the error.
REACH = """
import json, django
django.setup()
from django_redis import get_redis_connection
from wallet_project.celery import app

def said(call):
    try:
        call()
    except Exception as error:
        causes = []
        while error is not None:
            causes.append(repr(error))
            error = error.__cause__ or error.__context__
        return " ".join(causes)
    return "ok"

def broker():
    with app.connection_for_write() as connection:
        connection.default_channel.client.ping()

print(json.dumps({"cache": said(get_redis_connection().ping), "broker": said(broker)}))
"""


@pytest.fixture
def authority(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, which is its own authority, and its key."""
    return certificate(tmp_path)


@pytest.fixture
def port(authority: tuple[Path, Path]) -> Iterator[int]:
    with tls_relay(socket_path(), certificate=authority[0], key=authority[1]) as port:
        yield port


def socket_path() -> str:
    """Where the tests' Valkey listens."""
    return str(get_redis_connection().connection_pool.connection_kwargs["path"])


def reached(**environment: str) -> dict[str, str]:
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", REACH], cwd=BASE_DIR, env=os.environ | environment,
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    answer: dict[str, str] = json.loads(ran.stdout.splitlines()[-1])
    return answer


def test_with_its_authority_cache_and_broker_are_reached(port: int, authority: tuple[Path, Path]) -> None:
    url = f"rediss://127.0.0.1:{port}/0"
    assert reached(REDIS_URL=url, REDIS_CA=str(authority[0])) == {"cache": "ok", "broker": "ok"}


def test_another_authority_is_refused(port: int, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other, _ = certificate(tmp_path / "other")
    for found in reached(REDIS_URL=f"rediss://127.0.0.1:{port}/0", REDIS_CA=str(other)).values():
        assert "CERTIFICATE_VERIFY_FAILED" in found


def test_without_a_named_authority_only_those_of_the_system_are_accepted(port: int) -> None:
    for found in reached(REDIS_URL=f"rediss://127.0.0.1:{port}/0").values():
        assert "CERTIFICATE_VERIFY_FAILED" in found


def test_a_certificate_for_another_host_is_refused(tmp_path: Path) -> None:
    another, key = certificate(tmp_path, name="redis.example", address="192.0.2.1")
    with tls_relay(socket_path(), certificate=another, key=key) as port:
        for found in reached(REDIS_URL=f"rediss://127.0.0.1:{port}/0", REDIS_CA=str(another)).values():
            assert "CERTIFICATE_VERIFY_FAILED" in found


def test_a_worker_works_through_tls(
    port: int, authority: tuple[Path, Path], alice: User, trusted_cache: None, tmp_path: Path
) -> None:
    url = f"rediss://127.0.0.1:{port}/0"
    worker = Worker(redis_url=url, REDIS_CA=str(authority[0]), run_dir=tmp_path, log=tmp_path / "worker.log")
    try:
        wait_until(lambda: " ready" in worker.log_text(), what="the worker is ready")
        cache_trust_assert()
        person_warm_up(alice.pk)
        wait_until(lambda: bool(Attacker().entries("wallet")), what="the worker has filled the cache")
        assert "insecure" not in worker.log_text()
    finally:
        worker.kill()


@pytest.mark.parametrize("weakening", ["ssl_cert_reqs=none", "ssl_check_hostname=false"])
@pytest.mark.parametrize("name", ["REDIS_URL", "CELERY_BROKER_URL"])
def test_a_url_that_weakens_tls_fails_the_deployment_check(name: str, weakening: str) -> None:
    checked = python("manage.py", "check", "--deploy", **PRODUCTION | {name: f"rediss://redis:6379/0?{weakening}"})
    assert checked.returncode == 1
    assert "wallet.E009" in checked.stderr
