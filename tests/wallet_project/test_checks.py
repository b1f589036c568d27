"""What `manage.py check --deploy` refuses, and what no process starts with."""

import os
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection
from pytest_django import Settings

from kit.hosts import is_loopback
from tests.database import superuser_url
from tests.servers import role_url
from wallet_project.embedded import BASE_DIR, RUNTIME_ROLE
from wallets.auth.wallet_service.keys import keys_assert_secret

GOOD_KEY = "kX9-uT3vQw7yZ1aB5cD8eF0gH2iJ4kL6mN-oP1qR3sT5uV7wX9yZ"
PUBLISHED_KEY = "for-development-only-and-known-to-everybody-who-reads-this"
PRODUCTION = {
    "DEBUG": "0",
    "ENVIRONMENT": "production",
    "SECRET_KEY": GOOD_KEY,
    "FACTOR_KEYS": GOOD_KEY[::-1],
    "ALLOWED_HOSTS": "wallet.example",
    "HTTPS": "1",
    "FUNDING": "staff",
    "SITE_URL": "https://wallet.example",
    "EMAIL_URL": "smtp+tls://wallet:a-password@mail.example:587",
    "DEFAULT_FROM_EMAIL": "Wallet <no-reply@wallet.example>",
    "DJANGO_SETTINGS_MODULE": "wallet_project.settings",
}


pytestmark = pytest.mark.django_db


def python(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    # The browser tests set this for their own process; no deployment has it.
    inherited = {name: value for name, value in os.environ.items() if name != "DJANGO_ALLOW_ASYNC_UNSAFE"}
    database = {"DATABASE_URL": role_url(RUNTIME_ROLE, database=connection.settings_dict["NAME"])}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=BASE_DIR,
        env=inherited | database | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_good_production_environment_passes_without_a_warning() -> None:
    checked = python("manage.py", "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)
    assert checked.returncode == 0, checked.stderr
    assert "no issues" in checked.stdout


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("DEBUG", "1", "wallet.E001"),
        ("SECRET_KEY", "insecure-key-for-tests-and-commands-only", "wallet.E002"),
        ("SECRET_KEY", "too-short", "wallet.E003"),
        ("SECRET_KEY_FALLBACKS", f"{GOOD_KEY}, for-development-only-{GOOD_KEY}", "wallet.E002"),
        ("SECRET_KEY_FALLBACKS", "too-short", "wallet.E003"),
        ("ALLOWED_HOSTS", "*", "wallet.E004"),
        ("ALLOWED_HOSTS", "", "wallet.E005"),
        ("FUNDING", "demo", "wallet.E040"),
        ("FUNDING_WEBHOOK_SECRETS", "whsec_c2hvcnQ=", "wallet.E041"),
        ("WALLET_SERVICE_KEY", PUBLISHED_KEY, "wallet.E007"),
        ("WALLET_SERVICE_KEY_FALLBACKS", PUBLISHED_KEY, "wallet.E007"),
        ("EMAIL_URL", "consolemail://", "wallet.E020"),
        ("EMAIL_URL", "filemail:///tmp/mail", "wallet.E020"),
        ("EMAIL_URL", "dummymail://", "wallet.E020"),
        ("SITE_URL", "http://wallet.example", "wallet.E021"),
        ("SITE_URL", "https://localhost", "wallet.E021"),
        ("SITE_URL", "https://127.0.0.1:8000", "wallet.E021"),
        ("SITE_URL", "https://mistyped.example", "wallet.E023"),
        ("DEFAULT_FROM_EMAIL", "Wallet <no-reply@localhost>", "wallet.E022"),
        ("FACTOR_KEYS", "", "wallet.E060"),
        ("FACTOR_KEYS", "too-short", "wallet.E060"),
        ("FACTOR_KEYS", GOOD_KEY, "wallet.E060"),
        ("FACTOR_KEYS", f"{GOOD_KEY[::-1]},{PUBLISHED_KEY}", "wallet.E060"),
    ],
)
def test_an_unsafe_setting_fails_the_deployment_check(name: str, value: str, error: str) -> None:
    checked = python("manage.py", "check", "--deploy", **PRODUCTION | {name: value})
    assert checked.returncode == 1
    assert error in checked.stderr


def test_a_superuser_as_the_sites_role_fails_the_deployment_check() -> None:
    checked = python("manage.py", "check", "--deploy", **PRODUCTION | {"DATABASE_URL": superuser_url()})
    assert checked.returncode == 1
    assert "(wallet.E050) The role of DATABASE_URL is a superuser." in checked.stderr


def test_a_database_that_does_not_answer_is_a_warning_in_the_deployment_check() -> None:
    nowhere = {"DATABASE_URL": "postgres://wallet_app@127.0.0.1:1/wallet"}
    checked = python("manage.py", "check", "--deploy", **PRODUCTION | nowhere)
    assert checked.returncode == 0, checked.stderr
    assert "(wallet.W050) The rights of the database role are not known" in checked.stderr


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"WALLET_SERVICE": "grpc://127.0.0.1:50051"}, "WALLET_SERVICE_KEY"),
        ({"WALLET_SERVICE": "grpc://wallet:50051", "WALLET_SERVICE_KEY": GOOD_KEY}, "needs TLS: grpcs://"),
        ({"WALLET_SERVICE_KEY": "too-short"}, "WALLET_SERVICE_KEY"),
        ({"WALLET_SERVICE_KEY": GOOD_KEY, "WALLET_SERVICE_KEY_FALLBACKS": "too-short"}, "WALLET_SERVICE_KEY"),
        ({"WALLET_SERVICE": "http://wallet:50051", "WALLET_SERVICE_KEY": GOOD_KEY}, "grpc://host:port"),
        ({"TRUSTED_PROXIES": "-1"}, "TRUSTED_PROXIES"),
        ({"SITE_URL": "wallet.example"}, "SITE_URL"),
        ({"SITE_URL": "https://wallet.example/path"}, "SITE_URL"),
        ({"SITE_URL": "https://user:password@wallet.example"}, "SITE_URL"),
        ({"EMAIL_TIMEOUT_S": "0"}, "EMAIL_TIMEOUT_S"),
        ({"MAIL_VALID_S": "0"}, "MAIL_VALID_S"),
    ],
)
def test_it_does_not_start_with_an_unsafe_or_invalid_setting(settings: dict[str, str], why: str) -> None:
    started = python("-c", "import wallet_project.settings", **PRODUCTION | settings)
    assert started.returncode == 1
    assert "ImproperlyConfigured" in started.stderr
    assert why in started.stderr


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("SECRET_KEY", "django-insecure-" + GOOD_KEY, "wallet.E002"),
        ("SECRET_KEY", "for-development-only-" + GOOD_KEY, "wallet.E002"),
        ("SECRET_KEY", GOOD_KEY[:49], "wallet.E003"),
        ("SECRET_KEY", "abcabcabc" * 10, "wallet.E003"),
        ("ALLOWED_HOSTS", ["wallet.example", "*"], "wallet.E004"),
        ("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"], "wallet.E005"),
    ],
)
def test_settings_that_are_nearly_safe_fail_it_too(settings: Settings, name: str, value: object, error: str) -> None:
    settings.ALLOWED_HOSTS = ["wallet.example"]
    setattr(settings, name, value)
    with pytest.raises(SystemCheckError, match=error):
        call_command("check", deploy=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [("CACHE_FENCE_S", 74.0), ("DATABASE_TRANSACTION_TIMEOUT_MS", 0), ("CACHE_TRUST_MS", 90_000)],
)
def test_a_fence_that_a_commit_could_outlast_fails_every_check(settings: Settings, name: str, value: object) -> None:
    call_command("check")
    setattr(settings, name, value)
    with pytest.raises(SystemCheckError, match=r"wallet\.E006"):
        call_command("check")


PROCESSES = {
    "web": ["-c", "import wallet_project.wsgi"],
    "grpc": ["manage.py", "serve_grpc", "--bind", "127.0.0.1:0"],
    "consumer": ["manage.py", "consume_transfers"],
    "relay": ["manage.py", "relay_settled_events"],
    "worker": ["-m", "celery", "--app", "wallet_project", "worker", "--pool", "solo"],
    "beat": ["-m", "celery", "--app", "wallet_project", "beat", "--scheduler", "celery.beat:Scheduler"],
}


def test_every_process_is_among_them() -> None:
    """The processes that start by themselves; other commands work with any key."""
    lines = [line for name in ("Procfile", "Procfile.kafka") for line in (BASE_DIR / name).read_text().splitlines()]
    assert PROCESSES.keys() == {line.partition(":")[0] for line in lines}


@pytest.mark.parametrize("process", PROCESSES)
def test_no_process_starts_with_a_key_that_strangers_know(process: str) -> None:
    started = python(*PROCESSES[process], SECRET_KEY="insecure-key-for-tests-and-commands-only")
    assert started.returncode == 1
    assert "SECRET_KEY is publicly known" in started.stderr


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("SECRET_KEY", GOOD_KEY[:49], "SECRET_KEY is so short"),
        ("SECRET_KEY", "x" * 60, "SECRET_KEY is so short or simple"),
        ("WALLET_SERVICE_KEY", PUBLISHED_KEY, "WALLET_SERVICE_KEY is publicly known"),
        ("WALLET_SERVICE_KEY_FALLBACKS", [GOOD_KEY, PUBLISHED_KEY], "WALLET_SERVICE_KEY_FALLBACKS is publicly known"),
    ],
)
def test_nor_with_another_key_that_is_no_secret(settings: Settings, name: str, value: object, why: str) -> None:
    settings.SECRET_KEY = settings.WALLET_SERVICE_KEY = GOOD_KEY
    keys_assert_secret()
    setattr(settings, name, value)
    with pytest.raises(ImproperlyConfigured, match=why):
        keys_assert_secret()


def test_mail_to_another_host_in_plain_text_is_reported() -> None:
    checked = python("manage.py", "check", "--deploy", **PRODUCTION | {"EMAIL_URL": "smtp://mail.example:25"})
    assert checked.returncode == 0
    assert "wallet.W020" in checked.stderr


def test_wsgi_serves_with_a_secret_key() -> None:
    served = python("-c", "import wallet_project.wsgi", SECRET_KEY=GOOD_KEY)
    assert served.returncode == 0, served.stderr


@pytest.mark.parametrize(
    "host", ["wallet", "10.0.0.5", "[fd00::1]", "0.0.0.0", "127.0.0.1.example", "localhost.example"]
)
def test_a_web_process_does_not_call_another_host_in_plain_text(host: str) -> None:
    environment = PRODUCTION | {"WALLET_SERVICE_KEY": GOOD_KEY}
    plain = python("-c", "import wallet_project.settings", **environment, WALLET_SERVICE=f"grpc://{host}:50051")
    assert plain.returncode == 1
    assert "needs TLS: grpcs://" in plain.stderr
    encrypted = python("-c", "import wallet_project.settings", **environment, WALLET_SERVICE=f"grpcs://{host}:50051")
    assert encrypted.returncode == 0, encrypted.stderr


def test_a_web_process_calls_another_host_through_tls() -> None:
    encrypted = {"WALLET_SERVICE": "grpcs://wallet:50051", "WALLET_SERVICE_KEY": GOOD_KEY}
    assert python("-c", "import wallet_project.settings", **PRODUCTION | encrypted).returncode == 0


@pytest.mark.parametrize(
    ("host", "is_this_machine"),
    [
        *((host, True) for host in ("localhost", "LOCALHOST", "127.0.0.1", "127.8.9.10", "::1", "[::1]")),
        *((host, False) for host in ("wallet", "10.0.0.5", "fd00::1", "[::]", "0.0.0.0", "", "127.0.0.1.example")),
    ],
)
def test_only_loopback_is_this_machine(host: str, is_this_machine: bool) -> None:
    assert is_loopback(host) is is_this_machine


@pytest.mark.parametrize("bind", ["0.0.0.0:0", "[::]:0"])
def test_the_wallet_service_does_not_listen_to_other_hosts_in_plain_text(bind: str) -> None:
    served = python("manage.py", "serve_grpc", "--bind", bind, SECRET_KEY=GOOD_KEY, WALLET_SERVICE_KEY=GOOD_KEY)
    assert served.returncode == 1
    assert "set GRPC_TLS_CERT and GRPC_TLS_KEY" in served.stderr
