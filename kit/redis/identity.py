"""The identity of the database, which keeps installations apart that share a Redis.

A migration gives each database a random id. Our keys in Redis contain a part of it, and the key that seals cached
values is derived from it (`kit.cache.seal`). So nobody reads, overwrites or evicts what belongs to another database.
`manage.py identity_replace` gives a restored database a new one, and what was cached before is never read again.

A process reads the identity once. All processes of a site must have the same, or none would see the others' fences.
"""

import hashlib
from uuid import UUID

from django.db import DatabaseError, InterfaceError, connection
from redis.exceptions import RedisError

#: Plain SQL and no model, because `manage.py flush` empties the tables of all models.
READ_SQL = "SELECT id FROM kit_identity"
_PREFIX_BYTES = 6

_remembered: tuple[UUID, str] | None = None


class IdentityUnknownError(RedisError):
    """Postgres has not told this process yet whose database it is. Until then Redis counts as away."""


def identity() -> UUID:
    """The identity of this process's database. Raises IdentityUnknownError."""
    return _identity()[0]


def redis_key(rest: str) -> str:
    """The key in Redis that belongs to this database: "lock:audit" of ours is not that of another installation. Raises
    IdentityUnknownError."""
    return _identity()[1] + rest


def identity_forget() -> None:
    """Lets this process read the identity again, after it was replaced."""
    global _remembered  # noqa: PLW0603 - one per process, as its database
    _remembered = None


def _identity() -> tuple[UUID, str]:
    global _remembered  # noqa: PLW0603
    if _remembered is None:
        found = _read()
        short = hashlib.blake2b(found.bytes, digest_size=_PREFIX_BYTES).hexdigest()
        _remembered = found, f"wallet:{short}:"
    return _remembered


def _read() -> UUID:
    try:
        with connection.cursor() as cursor:
            cursor.execute(READ_SQL)
            row: tuple[UUID] | None = cursor.fetchone()
    except (DatabaseError, InterfaceError) as error:
        raise IdentityUnknownError("The identity of the database cannot be read.") from error
    if row is None:
        raise IdentityUnknownError("The database has no identity. Run: manage.py identity_replace")
    return row[0]
