"""The site and the service with the secrets that compose makes on its first start."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.api.client import Person, json_of
from tests.people import person
from tests.rpc.fixtures import StartServer, start_server
from tests.rpc.server import GrpcServer
from tests.wallet_service.conftest import person as person_at
from tests.wallet_service.site import Site, Visitor
from transactions.audit import books_audit

pytestmark = pytest.mark.long

__all__ = ["start_server"]


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """The folders of secrets, as each service sees its own."""
    for folder in ("store", "grpc", "web"):
        (tmp_path / folder).mkdir()
    script = settings.BASE_DIR / "deploy" / "secrets_make.py"
    subprocess.run([sys.executable, str(script), str(tmp_path)], env={}, check=True)
    return tmp_path


def secrets_of(folder: Path) -> dict[str, str]:
    """The environment of docker-compose.wallet-service.yml that names files. Nothing of it comes from the tests."""
    names = {name: str(folder / name) for name in ("SECRET_KEY", "WALLET_SERVICE_KEY")}
    return dict.fromkeys(names, "") | {f"{name}_FILE": file for name, file in names.items()}


@pytest.fixture
def encrypted(made: Path, start_server: StartServer) -> GrpcServer:
    """The service, which listens to every host."""
    tls = {name: str(made / "grpc" / name) for name in ("GRPC_TLS_CERT", "GRPC_TLS_KEY")}
    return start_server(bind="0.0.0.0:0", **tls, **secrets_of(made / "grpc"))


@pytest.fixture
def made_site(made: Path, encrypted: GrpcServer, tmp_path: Path) -> Iterator[Site]:
    site = Site(
        log=tmp_path / "site.log",
        service=encrypted.target,
        **secrets_of(made / "web"),
        WALLET_SERVICE=f"grpcs://localhost:{encrypted.port}",
        WALLET_SERVICE_CA=str(made / "web" / "GRPC_TLS_CERT"),
    )
    yield site.wait_until_up()
    site.terminate()


def test_they_suffice_to_move_money_over_tls(made_site: Site) -> None:
    alice, bob = (person_at(person(name), made_site) for name in ("alice", "bob"))
    assert Visitor(made_site.port).get("/readyz").status_code == 200
    assert alice.api.post(f"{alice.wallet_path}/deposits", {"amount": 100}).status_code == 201
    transfer = {"source": str(alice.wallet.pk), "recipient": "bob", "amount": 30}
    assert alice.api.post("/transfers", transfer).status_code == 201
    assert (balance_shown(alice), balance_shown(bob)) == (70, 30)
    assert books_audit().clean


def balance_shown(person: Person) -> int:
    return int(json_of(person.api.get(person.wallet_path))["balance"])


def test_a_service_with_another_certificate_is_not_trusted(
    made: Path, encrypted: GrpcServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Somebody between the two who has a certificate of their own."""
    other = tmp_path_factory.mktemp("other")
    for folder in ("store", "web"):
        (other / folder).mkdir()
    subprocess.run([sys.executable, "deploy/secrets_make.py", str(other)], cwd=settings.BASE_DIR, env={}, check=True)
    site = Site(
        log=other / "site.log",
        service=encrypted.target,
        WALLET_SERVICE=f"grpcs://localhost:{encrypted.port}",
        WALLET_SERVICE_CA=str(other / "web" / "GRPC_TLS_CERT"),
    )
    try:
        ready = Visitor(site.wait_until_up().internal_port).get("/readyz")
    finally:
        site.terminate()
    assert ready.status_code == 503
    assert ready.json()["parts"]["wallet_service"] == "unavailable"
