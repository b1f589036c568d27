"""Where the embedded Postgres and Valkey are: paths and URLs, derived from the path of the checkout.

The settings import this module, so it imports nothing that only development machines have. `devtools/servers.py` starts
the servers.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

BASE_DIR = Path(__file__).resolve().parent.parent
#: The path of a Unix socket is limited to 104 bytes on macOS and 108 on Linux, including the NUL at its end.
_SOCKET_PATH_BYTES_MAX = 103
_LONGEST_SOCKET_NAME = ".s.PGSQL.5432.lock"
#: The embedded Postgres's own superuser. `deploy/roles.sql` creates the others; no process of the site is a superuser.
SUPERUSER = "postgres"
RUNTIME_ROLE = "wallet_app"
MIGRATION_ROLE = "wallet_migrator"
WEB_ROLE = "wallet_web"


@dataclass(frozen=True, slots=True)
class Places:
    """The files of one pair of embedded servers. All are under `root`, unless its path is too long for a socket."""

    root: Path

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def secret_key(self) -> Path:
        return self.root / "secret_key"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def valkey(self) -> Path:
        return self.root / "valkey"

    @property
    def kafka(self) -> Path:
        return self.root / "kafka"

    @property
    def metrics(self) -> Path:
        return self.root / "metrics"

    @property
    def sockets(self) -> Path:
        near = self.root / "sockets"
        if len(os.fsencode(near / _LONGEST_SOCKET_NAME)) <= _SOCKET_PATH_BYTES_MAX:
            return near
        fingerprint = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        return Path(f"/tmp/wallet-{fingerprint}-{os.getuid()}")  # noqa: S108 - made private and checked at start

    @property
    def valkey_socket(self) -> Path:
        return self.sockets / "valkey.sock"

    def database_url(self, name: str = "wallet", *, role: str = RUNTIME_ROLE) -> str:
        """Whoever can open the socket can be any role; its folder is private."""
        return f"postgres://{role}@{quote(str(self.sockets), safe='')}/{name}"

    def redis_url(self) -> str:
        return f"unix://{quote(str(self.valkey_socket))}?db=0"


PLACES = Places(BASE_DIR / ".run")


def secret_key() -> str | None:
    """The key that `make run` created for this checkout, or None if it has never run."""
    try:
        return PLACES.secret_key.read_text().strip()
    except OSError:
        return None


def database_url(*, role: str = RUNTIME_ROLE) -> str:
    return PLACES.database_url(role=role)


def redis_url() -> str:
    return PLACES.redis_url()


def site_url() -> str:
    """Where a developer reaches the site."""
    return f"http://127.0.0.1:{os.environ.get('PORT') or '8000'}"


def celery_url(url: str) -> str:
    """The URL of the same Redis as Celery writes it; Celery has its own form for Unix sockets."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    query = parts.query.replace("db=", "virtual_host=")
    return f"redis+socket://{parts.path}?{query}"
