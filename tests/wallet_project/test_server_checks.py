"""How the site reaches its servers: without a password it does not start; `check --deploy` refuses more."""

import os

import pytest
from pytest_django import Settings

from tests.wallet_project.test_checks import PRODUCTION, python
from wallet_project.server_checks import check_encryption, check_grpc_encryption, check_postgres_certificate

PASSWORD = "nR7-kQ2xV9pL4tW8"
FAR = "db.example:5432/wallet"
STRONG = f"wallet:{PASSWORD}"
#: No server listens at these addresses, so nobody knows what the role may do.
NO_DATABASE = {"SILENCED_CHECKS": "wallet.W050"}


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DATABASE_URL", "postgres://wallet@postgres:5432/wallet"),
        ("DATABASE_URL", "postgres://wallet@10.0.0.7/wallet"),
        ("DATABASE_URL", "postgres://wallet@localhost,db.example/wallet"),
        ("DATABASE_URL", "postgres://wallet@/wallet?host=db.example"),
        ("REDIS_URL", "redis://redis:6379/0"),
        ("REDIS_URL", "rediss://cache.example:6379/0"),
        ("REDIS_URL", "redis://wallet@cache.example:6379/0"),
        ("CELERY_BROKER_URL", "redis://broker:6379/0"),
        ("CELERY_BROKER_URL", "amqps://broker.example"),
    ],
)
def test_it_does_not_start_with_a_server_on_another_host_without_a_password(name: str, url: str) -> None:
    served = python("-c", "import wallet_project.wsgi", **PRODUCTION | {name: url})
    managed = python("manage.py", "check", **PRODUCTION | {name: url})

    assert served.returncode == managed.returncode == 1
    assert f"{name} names a server on another host, without a password." in served.stderr
    assert "wallet.E031" in managed.stderr


def test_a_worker_does_not_start_either() -> None:
    started = python(
        "-m", "celery", "-A", "wallet_project", "worker", "--pool", "solo",
        **PRODUCTION | {"REDIS_URL": "redis://redis.invalid:6379/0"},
    )  # fmt: skip

    assert started.returncode != 0
    assert "REDIS_URL names a server on another host, without a password." in started.stdout + started.stderr


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DATABASE_URL", "postgres://wallet@localhost/wallet"),
        ("DATABASE_URL", "postgres://wallet@127.0.0.1/wallet"),
        ("DATABASE_URL", "postgres://wallet@[::1]/wallet"),
        ("DATABASE_URL", "postgres://wallet@%2Frun%2Fpostgresql/wallet"),
        ("DATABASE_URL", f"postgres://{STRONG}@{FAR}?sslmode=verify-full"),
        ("DATABASE_URL", f"postgres://wallet@{FAR}?sslmode=verify-full&sslcert=/cert.pem&sslkey=/key.pem"),
        ("REDIS_URL", "redis://localhost:6379/0"),
        ("REDIS_URL", "unix:///run/redis.sock?db=0"),
        ("REDIS_URL", f"rediss://{STRONG}@cache.example:6379/0"),
        ("REDIS_URL", f"redis://:{PASSWORD}@redis:6379/0"),
        ("CELERY_BROKER_URL", "redis+socket:///run/redis.sock"),
        ("CELERY_BROKER_URL", f"amqps://{STRONG}@broker.example//"),
    ],
)
def test_these_servers_pass_every_check(settings: Settings, name: str, url: str) -> None:
    checked = python(
        "manage.py", "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION | NO_DATABASE | {name: url}
    )

    assert checked.returncode == 0, checked.stderr


def test_a_finding_can_be_accepted() -> None:
    accepted = PRODUCTION | {"REDIS_URL": "redis://redis:6379/0", "SILENCED_CHECKS": "wallet.E031"}

    assert python("-c", "import wallet_project.wsgi", **accepted).returncode == 0
    assert python("manage.py", "check", "--deploy", **accepted).returncode == 0


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("DATABASE_URL", f"postgres://wallet:for-development-only@{FAR}?sslmode=require", "wallet.E032"),
        ("DATABASE_URL", f"postgres://ledger:ledger@{FAR}?sslmode=require", "wallet.E032"),
        ("DATABASE_URL", "postgres://wallet:postgres@localhost/wallet", "wallet.E032"),
        ("REDIS_URL", "rediss://:Foobared@cache.example/0", "wallet.E032"),
        ("CELERY_BROKER_URL", "amqps://guest:guest@broker.example//", "wallet.E032"),
        ("DATABASE_URL", f"postgres://{STRONG}@{FAR}", "wallet.E033"),
        ("DATABASE_URL", f"postgres://{STRONG}@{FAR}?sslmode=prefer", "wallet.E033"),
        ("REDIS_URL", f"redis://{STRONG}@10.0.0.7:6379/0", "wallet.E033"),
        ("REDIS_URL", f"redis://{STRONG}@[fd00::7]:6379/0", "wallet.E033"),
        ("CELERY_BROKER_URL", f"amqp://{STRONG}@broker.example//", "wallet.E033"),
        ("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092,kafka.example:9092", "wallet.E033"),
        ("GRPC_BIND", "0.0.0.0:50051", "wallet.E034"),
        ("GRPC_BIND", "[::]:50051", "wallet.E034"),
        ("GRPC_BIND", "wallet.example:50051", "wallet.E034"),
        ("HTTPS", "0", "wallet.E035"),
    ],
)
def test_an_unsafe_connection_fails_the_deployment_check(name: str, value: str, error: str) -> None:
    environment = {**PRODUCTION, "DATABASE_URL": os.environ["DATABASE_URL"], name: value}

    checked = python("manage.py", "check", "--deploy", **environment)

    assert checked.returncode == 1
    assert error in checked.stderr
    assert PASSWORD not in checked.stderr


@pytest.mark.parametrize(
    ("host", "sslmode", "found"),
    [
        ("db.example", "require", ["wallet.W033"]),
        ("10.0.0.7", "require", ["wallet.W033"]),
        ("db.example", "verify-ca", []),
        ("db.example", "verify-full", []),
        ("postgres", "require", []),
        ("/run/postgresql", "", []),
    ],
)
def test_it_warns_of_a_postgres_whose_certificate_nobody_checks(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, host: str, sslmode: str, found: list[str]
) -> None:
    elsewhere = {**settings.DATABASES["default"], "HOST": host, "OPTIONS": {"sslmode": sslmode}}
    monkeypatch.setitem(settings.DATABASES, "default", elsewhere)

    assert [each.id for each in check_postgres_certificate()] == found


def test_grpc_with_tls_may_serve_other_hosts(settings: Settings) -> None:
    settings.GRPC_BIND = "0.0.0.0:50051"
    assert [found.id for found in check_grpc_encryption()] == ["wallet.E034"]

    settings.GRPC_TLS_CERT, settings.GRPC_TLS_KEY = "cert.pem", "key.pem"
    assert check_grpc_encryption() == []


@pytest.mark.parametrize(
    ("servers", "options", "found"),
    [
        ("127.0.0.1:9092", {}, []),
        ("kafka:9092", {}, []),
        ("kafka.example:9092", {"security.protocol": "SASL_SSL"}, []),
        ("kafka.example:9092", {"security.protocol": "ssl"}, []),
        ("kafka.example:9092", {"security.protocol": "SASL_PLAINTEXT"}, ["wallet.E033"]),
        ("[fd00::7]:9092", {}, ["wallet.E033"]),
    ],
)
def test_kafka_on_another_host_needs_tls(
    settings: Settings, servers: str, options: dict[str, str], found: list[str]
) -> None:
    settings.KAFKA_BOOTSTRAP_SERVERS, settings.KAFKA_CLIENT_OPTIONS = servers, options
    assert [error.id for error in check_encryption()] == found
