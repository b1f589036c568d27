"""Wallets with spending limits, also as they will be when time has passed."""

from django.db import connection

from tests.database import acting_as_superuser
from wallets.models import Wallet


def limits_rewrite(wallet: Wallet, **columns: int | str | None) -> None:
    """Writes columns past the guards, as if they had been written earlier."""
    names = ", ".join(f"{name} = %s" for name in columns)
    with acting_as_superuser(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(f"UPDATE wallets_wallet SET {names} WHERE id = %s", [*columns.values(), wallet.pk])
        cursor.execute("SET LOCAL session_replication_role = origin")


def day_passes(wallet: Wallet) -> None:
    """Moves everything about the wallet's limits a day into the past."""
    with acting_as_superuser(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            """UPDATE wallets_wallet SET spent_on = spent_on - 1, reduced_until = reduced_until - interval '1 day',
            next_limits_at = next_limits_at - interval '1 day' WHERE id = %s""",
            [wallet.pk],
        )
        cursor.execute("SET LOCAL session_replication_role = origin")
