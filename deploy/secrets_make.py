"""Makes the secrets of a compose site, each once: `python deploy/secrets_make.py /secrets`.

It runs to its end before every other service. /secrets/store keeps every secret and is mounted nowhere else. Each other
folder of /secrets is one consumer's volume and gets only what that consumer needs, readable by that consumer's account
alone. A value in the environment (from .env) takes the place of a made one. Nothing else ever replaces a stored secret,
so a site keeps its sessions and its passwords.

To add a secret, add it to MADE or, if it follows from others, to DERIVED, and to each consumer that reads it.
"""

import datetime
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_VALID_DAYS = 3_650
_KEY_END = "-----END PRIVATE KEY-----\n"

#: The accounts of the images: ours, the one of Postgres and Redis, and that of `psql` in roles.
SITE_UID, SERVER_UID, ROOT_UID = 10_001, 999, 0


def password_make() -> str:
    return secrets.token_urlsafe(32)


def key_make() -> str:
    return secrets.token_urlsafe(64)


def certificate_make() -> str:
    """A key and its self-signed certificate, as PEM. Clients trust this one certificate, so there is no authority whose
    key could sign others."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "grpc")])
    hosts = [x509.DNSName("grpc"), x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    # A clock that is a day behind does not refuse it.
    begins = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + datetime.timedelta(days=_VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoded = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return (encoded + certificate.public_bytes(serialization.Encoding.PEM)).decode()


def redis_url(user: str, password: str, *, number: int) -> str:
    return f"redis://{user}:{quote(password, safe='')}@redis:6379/{number}"


def database_url(role: str, password: str) -> str:
    return f"postgres://{role}:{quote(password, safe='')}@postgres:5432/wallet"


#: Random values, by the name of the file that stores them and of the variable that overrides them.
MADE: Mapping[str, Callable[[], str]] = {
    "SECRET_KEY": key_make,
    "FACTOR_KEYS": key_make,
    "WALLET_SERVICE_KEY": key_make,
    "POSTGRES_PASSWORD": password_make,
    "MIGRATION_POSTGRES_PASSWORD": password_make,
    "APP_POSTGRES_PASSWORD": password_make,
    "WEB_POSTGRES_PASSWORD": password_make,
    "REDIS_CACHE_PASSWORD": password_make,
    "REDIS_BROKER_PASSWORD": password_make,
    "GRPC_TLS": certificate_make,
}
#: What follows from them.
DERIVED: Mapping[str, Callable[[Mapping[str, str]], str]] = {
    "DATABASE_URL": lambda made: database_url("wallet_app", made["APP_POSTGRES_PASSWORD"]),
    "DATABASE_MIGRATION_URL": lambda made: database_url("wallet_migrator", made["MIGRATION_POSTGRES_PASSWORD"]),
    "WEB_DATABASE_URL": lambda made: database_url("wallet_web", made["WEB_POSTGRES_PASSWORD"]),
    "REDIS_URL": lambda made: redis_url("cache", made["REDIS_CACHE_PASSWORD"], number=0),
    "CELERY_BROKER_URL": lambda made: redis_url("broker", made["REDIS_BROKER_PASSWORD"], number=1),
    "GRPC_TLS_KEY": lambda made: made["GRPC_TLS"].partition(_KEY_END)[0] + _KEY_END,
    "GRPC_TLS_CERT": lambda made: made["GRPC_TLS"].partition(_KEY_END)[2],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """Who reads the files of a folder, and which."""

    uid: int
    names: tuple[str, ...]


#: What every process of the site reads.
_SITE = ("SECRET_KEY", "FACTOR_KEYS", "REDIS_URL", "CELERY_BROKER_URL")
CONSUMERS: Mapping[str, Consumer] = {
    "redis": Consumer(uid=SERVER_UID, names=("REDIS_CACHE_PASSWORD", "REDIS_BROKER_PASSWORD")),
    "postgres": Consumer(uid=SERVER_UID, names=("POSTGRES_PASSWORD",)),
    # The superuser's password too, which nobody else needs.
    "roles": Consumer(
        uid=ROOT_UID,
        names=("POSTGRES_PASSWORD", "MIGRATION_POSTGRES_PASSWORD", "APP_POSTGRES_PASSWORD", "WEB_POSTGRES_PASSWORD"),
    ),
    "migrate": Consumer(uid=SITE_UID, names=(*_SITE, "DATABASE_URL", "DATABASE_MIGRATION_URL")),
    "site": Consumer(uid=SITE_UID, names=(*_SITE, "DATABASE_URL")),
    # With docker-compose.wallet-service.yml:
    "grpc": Consumer(
        uid=SITE_UID, names=(*_SITE, "DATABASE_URL", "WALLET_SERVICE_KEY", "GRPC_TLS_KEY", "GRPC_TLS_CERT")
    ),
    "web": Consumer(uid=SITE_UID, names=(*_SITE, "WEB_DATABASE_URL", "WALLET_SERVICE_KEY", "GRPC_TLS_CERT")),
}


def secrets_make(root: Path, *, given: Mapping[str, str]) -> None:
    """Makes what is missing, and hands every consumer whose folder is there its files."""
    known = {name: _stored(root / "store" / name, make, given.get(name, "")) for name, make in MADE.items()}
    known |= {name: derive(known) for name, derive in DERIVED.items()}
    for folder, consumer in CONSUMERS.items():
        for name in consumer.names if (root / folder).is_dir() else ():
            _replace(root / folder / name, known[name], uid=consumer.uid)


def _stored(path: Path, make: Callable[[], str], given: str) -> str:
    if given:
        _replace(path, given, uid=ROOT_UID)
        return given
    if not path.exists():
        written = _write(path, make(), uid=ROOT_UID)
        try:
            # Race: two runs at the same time. A link is made only where there is none, so both use the first value.
            path.hardlink_to(written)
        except FileExistsError:
            pass
        finally:
            written.unlink()
        _sync(path.parent)
    return path.read_text()


def _replace(path: Path, content: str, *, uid: int) -> None:
    """Readers see the old file or the new one, also after a crash."""
    _write(path, content, uid=uid).rename(path)
    _sync(path.parent)


def _write(path: Path, content: str, *, uid: int) -> Path:
    """Writes the content to a new file beside the path, which only this account can read."""
    written = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w") as file:
        file.write(content)
        file.flush()
        # In the container we are root. A test may be somebody else, who cannot give files away.
        if os.geteuid() == ROOT_UID:
            os.fchown(file.fileno(), uid, uid)
        os.fsync(file.fileno())
    return written


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    secrets_make(Path(sys.argv[1]), given=os.environ)
