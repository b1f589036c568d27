"""deploy/secrets_make.py makes the secrets of a compose site once, and hands each service only its own."""

import os
import shutil
import ssl
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from wallet_project.embedded import BASE_DIR
from wallets.auth.wallet_service.keys import key_fault

SCRIPT = BASE_DIR / "deploy" / "secrets_make.py"
SITE = {"SECRET_KEY", "FACTOR_KEYS", "REDIS_URL", "CELERY_BROKER_URL"}
#: What each service may know, by its volume.
KNOWN = {
    "redis": {"REDIS_CACHE_PASSWORD", "REDIS_BROKER_PASSWORD"},
    "postgres": {"POSTGRES_PASSWORD"},
    "roles": {
        "POSTGRES_PASSWORD",
        "MIGRATION_POSTGRES_PASSWORD",
        "APP_POSTGRES_PASSWORD",
        "WEB_POSTGRES_PASSWORD",
    },
    "migrate": SITE | {"DATABASE_URL", "DATABASE_MIGRATION_URL"},
    "site": SITE | {"DATABASE_URL"},
    "grpc": SITE | {"DATABASE_URL", "WALLET_SERVICE_KEY", "GRPC_TLS_KEY", "GRPC_TLS_CERT"},
    "web": SITE | {"WEB_DATABASE_URL", "WALLET_SERVICE_KEY", "GRPC_TLS_CERT"},
}
OWNERS = {"redis": 999, "postgres": 999, "roles": 0} | dict.fromkeys(("migrate", "site", "grpc", "web"), 10_001)
#: All that the container of the script may do beside writing its own files.
ONLY_CHOWN = ["setpriv", "--bounding-set=-all,+chown", "--inh-caps=-all,+chown", "--no-new-privs"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The volumes of both compose files together, empty."""
    for folder in ("store", *KNOWN):
        (tmp_path / folder).mkdir()
    return tmp_path


def make(root: Path, *prefix: str, **given: str) -> None:
    subprocess.run(
        [*prefix, sys.executable, str(SCRIPT), str(root)], env={"PATH": os.environ["PATH"]} | given, check=True
    )


def contents(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_each_service_gets_its_own_secrets_and_nobody_else_can_read_them(root: Path) -> None:
    make(root)
    for folder, names in KNOWN.items():
        assert {path.name for path in (root / folder).iterdir()} == names
    files = [path for path in root.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o400}
    if os.geteuid() == 0:
        assert {path.parent.name: path.stat().st_uid for path in files} == OWNERS | {"store": 0}


def test_the_keys_are_secret_and_no_two_sites_have_the_same(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "store").mkdir()
    make(root)
    make(other)
    for name in (
        "SECRET_KEY",
        "FACTOR_KEYS",
        "WALLET_SERVICE_KEY",
        "POSTGRES_PASSWORD",
        "WEB_POSTGRES_PASSWORD",
        "GRPC_TLS",
    ):
        made = (root / "store" / name).read_text()
        assert made != (other / "store" / name).read_text()
        assert len(made) >= 40
    assert key_fault((root / "store/SECRET_KEY").read_text()) is None
    assert key_fault((root / "store/FACTOR_KEYS").read_text()) is None
    assert key_fault((root / "store/WALLET_SERVICE_KEY").read_text()) is None


def test_a_second_run_changes_nothing(root: Path) -> None:
    make(root)
    first = contents(root)
    make(root)
    assert contents(root) == first


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="Only root can give up rights.")
def test_it_needs_no_right_but_to_give_files_away(root: Path) -> None:
    make(root, *ONLY_CHOWN)
    first = contents(root)
    make(root, *ONLY_CHOWN)
    assert contents(root) == first
    assert (root / "web" / "SECRET_KEY").stat().st_uid == OWNERS["web"]


def test_a_lost_copy_is_replaced_by_the_same_secret(root: Path) -> None:
    make(root)
    first = contents(root)
    for folder in KNOWN:
        shutil.rmtree(root / folder)
        (root / folder).mkdir()
    make(root)
    assert contents(root) == first


def test_two_runs_at_the_same_time_agree(root: Path) -> None:
    runs = [subprocess.Popen([sys.executable, str(SCRIPT), str(root)], env={}) for _ in range(4)]
    assert [run.wait(60) for run in runs] == [0] * 4
    found = contents(root)
    assert len({found[f"{folder}/SECRET_KEY"] for folder in ("store", "site", "grpc", "web")}) == 1
    assert not [path for path in found if "/." in path]
    make(root)
    assert contents(root) == found


def test_what_the_operator_sets_takes_the_place_of_what_was_made_and_stays(root: Path) -> None:
    make(root)
    made = contents(root)
    make(root, APP_POSTGRES_PASSWORD="p@ss/w:rd", SECRET_KEY="")
    chosen = contents(root)
    assert chosen["roles/APP_POSTGRES_PASSWORD"] == "p@ss/w:rd"
    url = urlsplit(chosen["site/DATABASE_URL"])
    assert (url.hostname, unquote(url.password or "")) == ("postgres", "p@ss/w:rd")
    assert chosen["site/SECRET_KEY"] == made["site/SECRET_KEY"]
    make(root)
    assert contents(root) == chosen


def test_without_the_wallet_service_its_secrets_go_nowhere(tmp_path: Path) -> None:
    for folder in ("store", "redis", "postgres", "site"):
        (tmp_path / folder).mkdir()
    make(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"store", "redis", "postgres", "site"}
    assert {path.name for path in (tmp_path / "site").iterdir()} == KNOWN["site"]


def test_the_certificate_fits_its_key_and_is_trusted_alone(root: Path) -> None:
    make(root)
    context = ssl.create_default_context(cafile=str(root / "web/GRPC_TLS_CERT"))
    assert len(context.get_ca_certs(binary_form=True)) <= 1
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(root / "grpc/GRPC_TLS_CERT", root / "grpc/GRPC_TLS_KEY")
    assert "PRIVATE" not in (root / "web/GRPC_TLS_CERT").read_text()
