"""What `manage.py check --deploy` and wsgi.py refuse."""

import os
import subprocess
import sys

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection
from pytest_django import Settings

from tests.database import superuser_url
from tests.servers import role_url
from wallet_project.embedded import BASE_DIR, RUNTIME_ROLE

GOOD_KEY = "kX9-uT3vQw7yZ1aB5cD8eF0gH2iJ4kL6mN-oP1qR3sT5uV7wX9yZ"
PRODUCTION = {
    "DEBUG": "0",
    "ENVIRONMENT": "production",
    "SECRET_KEY": GOOD_KEY,
    "ALLOWED_HOSTS": "wallet.example",
    "HTTPS": "1",
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
        ("ALLOWED_HOSTS", "*", "wallet.E004"),
        ("ALLOWED_HOSTS", "", "wallet.E005"),
        ("WALLET_SERVICE_KEY", "for-development-only-and-known-to-everybody-who-reads-this", "wallet.E007"),
    ],
)
def test_an_unsafe_setting_fails_the_deployment_check(name: str, value: str, error: str) -> None:
    checked = python("manage.py", "check", "--deploy", **PRODUCTION | {name: value})
    assert checked.returncode == 1
    assert error in checked.stderr


def test_a_superuser_as_the_sites_role_fails_the_deployment_check() -> None:
    checked = python("manage.py", "check", "--deploy", **PRODUCTION | {"DATABASE_URL": superuser_url()})
    assert checked.returncode == 1
    assert "(wallet.E020) The role of DATABASE_URL is a superuser." in checked.stderr


def test_a_database_that_does_not_answer_is_a_warning_in_the_deployment_check() -> None:
    nowhere = {"DATABASE_URL": "postgres://wallet_app@127.0.0.1:1/wallet"}
    checked = python("manage.py", "check", "--deploy", **PRODUCTION | nowhere)
    assert checked.returncode == 0, checked.stderr
    assert "(wallet.W021) The rights of the database role are not known" in checked.stderr


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"WALLET_SERVICE": "grpc://wallet:50051"}, "WALLET_SERVICE_KEY"),
        ({"WALLET_SERVICE_KEY": "too-short"}, "WALLET_SERVICE_KEY"),
        ({"WALLET_SERVICE": "http://wallet:50051", "WALLET_SERVICE_KEY": GOOD_KEY}, "grpc://host:port"),
        ({"TRUSTED_PROXIES": "-1"}, "TRUSTED_PROXIES"),
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


def test_wsgi_refuses_to_serve_with_a_publicly_known_key() -> None:
    served = python("-c", "import wallet_project.wsgi", SECRET_KEY="insecure-key-for-tests-and-commands-only")
    assert served.returncode == 1
    assert "ImproperlyConfigured: SECRET_KEY is publicly known" in served.stderr


def test_wsgi_serves_with_a_secret_key() -> None:
    served = python("-c", "import wallet_project.wsgi", SECRET_KEY=GOOD_KEY)
    assert served.returncode == 0, served.stderr
