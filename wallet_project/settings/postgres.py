"""Postgres, which holds the books. Every lock, statement and transaction has a timeout, so nothing waits for ever."""

from typing import Any
from urllib.parse import unquote

from wallet_project import embedded
from wallet_project.settings.base import env
from wallet_project.settings.funding import FUNDING

_SCHEMES = ("postgres", "postgresql")

# Where the database is: postgres://user:password@host:port/name, with libpq options such as ?sslmode=verify-full.
# A Unix socket's directory takes the place of the host, percent-encoded: postgres://user@%2Fdirectory/name.
# The role is the runtime role, which can change rows and nothing else (deploy/roles.sql).
# Default: the embedded Postgres of `make run`.
_database_url = env.server("DATABASE_URL", default=embedded.database_url(), schemes=_SCHEMES)
# The same database for the migration role. Only `migrate` and `settled_events on` and `off`, which change tables and
# triggers, use it, so give it to no process that serves anybody. Empty: those commands use DATABASE_URL. Default: the
# embedded Postgres of `make run`, unless DATABASE_URL leads elsewhere.
_migration_url = env.str(
    "DATABASE_MIGRATION_URL",
    default=embedded.database_url(role=embedded.MIGRATION_ROLE) if _database_url == embedded.database_url() else "",
)
# Seconds for which a process keeps an idle connection open. A minute saves a new connection per request and still lets
# Postgres get rid of unused ones. 0 closes the connection after each request.
_conn_max_age_s = env.int("DATABASE_CONN_MAX_AGE_S", default=60, maximum=86_400)
# Milliseconds that a statement waits for a lock before the request is answered 503 and can be repeated. Postings hold
# their locks for milliseconds, so a wait of five seconds means that something is wrong.
_lock_timeout_ms = env.int("DATABASE_LOCK_TIMEOUT_MS", default=5_000, minimum=1)
# Milliseconds that one statement may run. Statements of requests take milliseconds; the default stops only those that
# have gone wrong. Commands that take longer lift this limit for themselves.
_statement_timeout_ms = env.int("DATABASE_STATEMENT_TIMEOUT_MS", default=30_000, minimum=1)
# Milliseconds that one transaction may take, longer than any request or task needs. Must not be 0, and must stay below
# CACHE_FENCE_S (see there). Commands that take longer lift this limit for themselves.
DATABASE_TRANSACTION_TIMEOUT_MS = env.int("DATABASE_TRANSACTION_TIMEOUT_MS", default=60_000, minimum=1)


def _database(url: str) -> dict[str, Any]:
    parts = env.db_url_config(url)
    return {
        **parts,
        # Django's own, which also refuses an old Postgres and one that does not apply the timeouts below.
        "ENGINE": "kit.db.postgres",
        "HOST": unquote(parts["HOST"]),
        "CONN_MAX_AGE": _conn_max_age_s,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            # Never a standby: it lags behind, and what is read there would be cached for everybody.
            "target_session_attrs": "primary",
            # The query of the URL: ?sslmode=require, or ?host=/directory for a socket.
            **parts.get("OPTIONS", {}),
            "application_name": "wallet",
            # Seconds.
            "connect_timeout": 5,
            "options": " ".join(
                [
                    f"-c lock_timeout={_lock_timeout_ms}",
                    f"-c statement_timeout={_statement_timeout_ms}",
                    # Milliseconds.
                    "-c idle_in_transaction_session_timeout=60000",
                    f"-c transaction_timeout={DATABASE_TRANSACTION_TIMEOUT_MS}",
                    # Read by the guard of deposits.
                    f"-c wallet.funding={FUNDING}",
                ]
            ),
        },
    }


DATABASES = {"default": _database(_database_url)}
# What `kit.db.migration_role` connects to; None if there is no migration role.
DATABASE_MIGRATION = _database(_migration_url) if _migration_url else None
