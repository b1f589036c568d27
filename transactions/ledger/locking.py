"""Locking the wallets that commands are decided on."""

from collections.abc import Iterable, Sequence
from functools import cache

from django.db import OperationalError, connection
from psycopg.errors import LockNotAvailable

from transactions.ledger.arrays import among, array_literal, ids_fitting
from transactions.ledger.commands import Command, wallets_of
from transactions.ledger.rules import LockedWallet
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import Wallet


def wallets_lock(commands: Iterable[Command]) -> dict[int, LockedWallet]:
    """The wallets of all commands, locked until the commit. Raises UNAVAILABLE where one stayed locked for longer than
    the lock timeout.

    The lock stops two postings from deciding on the same balance, and a freeze from slipping in between check and
    write. Ascending ids, so that crossed and ring-shaped transfers queue up instead of deadlocking. NO KEY, because
    the foreign keys of new transactions share-lock these rows and need not wait for a balance to change.
    """
    ids = wallets_of(commands)
    if not ids:
        return {}
    try:
        return _lock(_lock_sql(), ids)
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise WalletError(ErrorCode.UNAVAILABLE, "The wallet is busy; try again.", retry_after_s=1) from error
        raise


def commands_lock_free(commands: Sequence[Command]) -> list[bool]:
    """Locks those wallets of the commands that nobody else holds; for each command, in order, whether it can be posted
    with these. Behind one that cannot, none of the same source can: it would overtake.

    For whoever has other work to do than wait. What is free may be posted next, in the same transaction, and nothing
    else: to wait for a lock after others were taken in whatever order they were free is how deadlocks come about.
    """
    held = _lock(_lock_sql(skip_locked=True), wallets_of(commands))
    behind: set[int | None] = set()
    free = []
    for command in commands:
        is_free = command.source_id not in behind and wallets_of([command]) <= held.keys()
        if not is_free:
            behind.add(command.source_id)
        free.append(is_free)
    return free


def _lock(sql: str, wallet_ids: Iterable[int]) -> dict[int, LockedWallet]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [array_literal(ids_fitting(wallet_ids), of="bigint")])
        return {row[0]: LockedWallet(*row) for row in cursor.fetchall()}


@cache
def _lock_sql(*, skip_locked: bool = False) -> str:
    """The ORM's words for it, found once: it takes longer to find them than Postgres to lock two rows."""
    wallets = Wallet.objects.filter(among("id", ()), owner__isnull=False).order_by("id")
    locked = wallets.select_for_update(no_key=True, skip_locked=skip_locked)
    sql, _ = locked.values_list("id", "currency", "status", "balance", "version", "updated_at").query.sql_with_params()
    return sql
