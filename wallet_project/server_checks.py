"""Checks of how the site reaches Postgres, Redis and the broker, and of how others reach the site.

Some findings keep every process from starting (tag `start`); the others are reported by `manage.py check --deploy`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.conf import settings
from django.core import checks

from kit.db.health import database_unfit
from wallet_project.start import START

#: Passwords from examples, and from images that come with one.
_PUBLISHED_PASSWORDS = {
    "for-development-only", "wallet", "postgres", "redis", "valkey", "foobared", "guest", "root", "admin", "password",
    "passw0rd", "secret", "changeme", "change-me", "change_me", "changeit", "example", "default", "test", "user",
    "123456", "12345678",
}  # fmt: skip
#: What takes the place of a password in the URL of a Postgres.
_OTHER_CREDENTIALS = ("passfile", "sslcert", "service", "krbsrvname", "oauth_client_id")
_SSL_MODES_VERIFYING = {"verify-ca", "verify-full"}
_SSL_MODES = {"require", *_SSL_MODES_VERIFYING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that the site uses, as the variable `name` gives it. `hosts` are those on other machines."""

    name: str
    hosts: Sequence[str]
    user: str
    password: str
    is_authenticated: bool
    is_encrypted: bool
    tls_hint: str


@checks.register(checks.Tags.database)
def check_database(databases: Sequence[str] | None = None, **_: object) -> list[checks.CheckMessage]:
    """Django runs it if a command needs the database: `migrate`, `check --database default`, and our servers."""
    reason = database_unfit() if databases else ""
    return [checks.Error(reason, id="wallet.E030")] if reason else []


@checks.register(START)
def check_passwords(**_: object) -> list[checks.CheckMessage]:
    """Whoever reaches such a server needs no password either."""
    hint = "Put one into the URL: {}://user:password@host. (If only a private network reaches it: SILENCED_CHECKS.)"
    return [
        checks.Error(
            f"{server.name} names a server on another host, without a password.",
            hint=hint.format(server.name.split("_")[0].lower().replace("database", "postgres")),
            id="wallet.E031",
        )
        for server in servers()
        if server.hosts and not server.is_authenticated
    ]


@checks.register(checks.Tags.security, deploy=True)
def check_published_passwords(**_: object) -> list[checks.CheckMessage]:
    """The first ones that an attacker tries."""
    return [
        checks.Error(
            f"The password in {server.name} is publicly known.", hint="Set a long random password.", id="wallet.E032"
        )
        for server in servers()
        if server.password and (server.password.lower() in _PUBLISHED_PASSWORDS or server.password == server.user)
    ]


@checks.register(checks.Tags.security, deploy=True)
def check_encryption(**_: object) -> list[checks.CheckMessage]:
    """Passwords, tokens and balances cross the network. A name without a dot is one of a container network or of a
    local one, such as compose's `redis`; such a network is the operator's to judge."""
    return [
        checks.Error(f"{server.name} reaches {', '.join(far)} without TLS.", hint=server.tls_hint, id="wallet.E033")
        for server in [*servers(), _kafka()]
        if (far := _far(server)) and not server.is_encrypted
    ]


@checks.register(checks.Tags.security, deploy=True)
def check_postgres_certificate(**_: object) -> list[checks.CheckMessage]:
    """`sslmode=require` encrypts for whoever answers. Somebody in between who answers in place of Postgres reads and
    changes everything."""
    database = settings.DATABASES["default"]
    server, sslmode = _postgres(database), database.get("OPTIONS", {}).get("sslmode")
    if not _far(server) or not server.is_encrypted or sslmode in _SSL_MODES_VERIFYING:
        return []
    message = f"DATABASE_URL does not check the certificate of {', '.join(_far(server))}."
    return [checks.Warning(message, hint=server.tls_hint, id="wallet.W033")]


@checks.register(checks.Tags.security, deploy=True)
def check_grpc_encryption(**_: object) -> list[checks.CheckMessage]:
    """Every call carries a token."""
    if settings.GRPC_TLS_CERT or _is_here(settings.GRPC_BIND.rpartition(":")[0]):
        return []
    hint = "Set GRPC_TLS_CERT and GRPC_TLS_KEY, or bind to 127.0.0.1 behind a proxy that speaks TLS."
    return [checks.Error("GRPC_BIND serves other hosts in plain text.", hint=hint, id="wallet.E034")]


@checks.register(checks.Tags.security, deploy=True)
def check_https(**_: object) -> list[checks.CheckMessage]:
    """Passwords and session cookies would cross the network in plain text."""
    if settings.HTTPS:
        return []
    hint = "Put a proxy that speaks TLS in front, and set HTTPS=1 and TRUSTED_PROXIES=1."
    return [checks.Error("HTTPS is off.", hint=hint, id="wallet.E035")]


def servers() -> list[Server]:
    """Postgres, Redis and the broker, as the settings name them."""
    return [
        _postgres(settings.DATABASES["default"]),
        _queue("REDIS_URL", settings.REDIS_URL),
        _queue("CELERY_BROKER_URL", settings.CELERY_BROKER_URL),
    ]


def _far(server: Server) -> list[str]:
    """Its hosts that are not in a network which the operator judges."""
    return [host for host in server.hosts if "." in host or ":" in host]


def _postgres(database: dict[str, Any]) -> Server:
    options = database.get("OPTIONS", {})
    hosts = str(options.get("hostaddr") or options.get("host") or database["HOST"]).split(",")
    return Server(
        name="DATABASE_URL",
        hosts=[host for host in hosts if not _is_here(host)],
        user=database["USER"],
        password=database["PASSWORD"],
        is_authenticated=bool(database["PASSWORD"]) or any(options.get(name) for name in _OTHER_CREDENTIALS),
        is_encrypted=options.get("sslmode") in _SSL_MODES,
        tls_hint="Add ?sslmode=verify-full&sslrootcert=… to DATABASE_URL.",
    )


def _queue(name: str, url: str) -> Server:
    """A Redis, or another broker. URLs of Unix sockets have a path and no host."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    netlocs = parts.netloc.rpartition("@")[2].split(",")
    hosts = [urlsplit(f"//{netloc}").hostname or "" for netloc in netlocs]
    password = unquote(parts.password or query.get("password", [""])[0])
    return Server(
        name=name,
        hosts=[host for host in hosts if not _is_here(host)],
        user=unquote(parts.username or ""),
        password=password,
        is_authenticated=bool(password),
        is_encrypted=parts.scheme in {"rediss", "amqps"},
        tls_hint=f"Let {name} begin with {'amqps' if parts.scheme.endswith('amqp') else 'rediss'}://.",
    )


def _kafka() -> Server:
    """The cluster. Only its encryption is checked: it is not trusted with anything, but events tell who paid whom."""
    netlocs = settings.KAFKA_BOOTSTRAP_SERVERS.split(",")
    hosts = [urlsplit(f"//{netloc}").hostname or "" for netloc in netlocs]
    protocol = settings.KAFKA_CLIENT_OPTIONS.get("security.protocol", "")
    return Server(
        name="KAFKA_BOOTSTRAP_SERVERS",
        hosts=[host for host in hosts if not _is_here(host)],
        user="",
        password="",
        is_authenticated=protocol.upper().startswith("SASL_"),
        is_encrypted=protocol.upper() in {"SSL", "SASL_SSL"},
        tls_hint="Add security.protocol=SASL_SSL to KAFKA_CLIENT_OPTIONS.",
    )


def _is_here(host: str) -> bool:
    """Whether what is sent to this host stays on this machine: a Unix socket, `localhost`, or a loopback address."""
    if host == "" or host.startswith(("/", "@")) or host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
