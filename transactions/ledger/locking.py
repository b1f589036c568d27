"""Locking the wallets that commands need."""

from collections.abc import Iterable, Sequence
from functools import cache

from django.db import OperationalError, connection
from psycopg.errors import LockNotAvailable

from transactions.ledger.arrays import among, array_literal, ids_fitting
from transactions.ledger.commands import Command, wallets_of
from transactions.ledger.rules import LockedWallet
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import Wallet
from wallets.models.spending import SPENDING_VALUE, spending_parse


def wallets_lock(commands: Iterable[Command]) -> dict[int, LockedWallet]:
    """Locks the wallets of all commands until the end of the database transaction, and returns them by id.

    Wallets that do not exist, and outside wallets, are left out. Raises UNAVAILABLE if another transaction holds one
    of the wallets for longer than the lock timeout.

    Race: without the lock, two postings could decide on the same balance, or a freeze could be committed between the
    check and the write. The wallets are locked in ascending order of their ids, so that crossed and ring-shaped
    transfers wait for each other instead of deadlocking. The lock is FOR NO KEY UPDATE, because the foreign keys of
    new transactions share-lock these rows and need not wait for a change of balance.
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
    """Locks the wallets that no other transaction holds, without waiting for the others.

    Returns, for each command in order, whether it can be posted now. It can if all of its wallets are locked and no
    earlier command of the same source wallet has to wait: commands of one source wallet never overtake each other.

    Callers that have other work use this instead of waiting. The caller may then post the free commands in the same
    database transaction, and must not lock any further wallet in it. These locks were not taken in ascending order,
    so waiting for one more could deadlock.
    """
    locked = _lock(_lock_sql(skip_locked=True), wallets_of(commands))
    waiting_source_ids: set[int | None] = set()
    free = []
    for command in commands:
        is_free = command.source_id not in waiting_source_ids and wallets_of([command]) <= locked.keys()
        if not is_free:
            waiting_source_ids.add(command.source_id)
        free.append(is_free)
    return free


def _lock(sql: str, wallet_ids: Iterable[int]) -> dict[int, LockedWallet]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [array_literal(ids_fitting(wallet_ids), of="bigint")])
        rows = [(*columns, spending_parse(spending)) for *columns, spending in cursor.fetchall()]
    return {row[0]: LockedWallet(*row) for row in rows}


@cache
def _lock_sql(*, skip_locked: bool = False) -> str:
    """The ORM's SQL for the lock, compiled once. Compiling it takes longer than Postgres needs to lock two rows."""
    wallets = Wallet.objects.filter(among("id", ()), owner__isnull=False).order_by("id")
    locked = wallets.select_for_update(no_key=True, skip_locked=skip_locked)
    fields = ("id", "currency", "status", "balance", "version", "updated_at")
    sql, _ = (
        locked.annotate(spending_value=SPENDING_VALUE).values_list(*fields, "spending_value").query.sql_with_params()
    )
    return sql
