"""Counts what tokens pay against their ceilings, in the database transaction that moves the money."""

from dataclasses import replace
from datetime import date

from django.db import OperationalError
from psycopg.errors import LockNotAvailable

from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.mandates import Ceiling, Mandate, ceiling_error
from wallets.models.tokens import TokenCeiling

_LOCK_SQL = """
SELECT *, (now() AT TIME ZONE 'UTC')::date AS today FROM wallets_tokenceiling
WHERE token_id = %s ORDER BY currency FOR NO KEY UPDATE
"""


class LockedCeilings:
    """The ceilings of one token, whose rows are locked, and what its payments take from them. `write` stores that."""

    def __init__(self, *, digest: str, ceilings: dict[str, Ceiling], today: date) -> None:
        self._digest = digest
        self._ceilings = ceilings
        self._today = today
        self._taken: dict[str, int] = {}

    def error(self, *, currency: str, amount: int) -> WalletError | None:
        """Why the token may not pay this amount, after what it has taken so far; None if it may."""
        return ceiling_error(ceilings=self._ceilings, currency=currency, amount=amount, today=self._today)

    def take(self, *, currency: str, amount: int) -> None:
        """Takes an amount for which there is no `error`."""
        self._change(currency, amount)

    def give_back(self, *, currency: str, amount: int) -> None:
        """Takes it back, because the payment was not made after all."""
        self._change(currency, -amount)

    def write(self) -> None:
        """Stores what was taken, for the ceilings per day. Call it in the transaction of `ceilings_lock`."""
        for currency, taken in self._taken.items():
            ceiling = self._ceilings[currency]
            if taken and ceiling.per_day is not None:
                row = TokenCeiling.objects.filter(token=self._digest, currency=currency)
                row.update(spent=ceiling.spent, day=self._today)

    def _change(self, currency: str, amount: int) -> None:
        ceiling = self._ceilings[currency]
        spent = ceiling.spent + amount if ceiling.per_day is not None else 0
        self._ceilings[currency] = replace(ceiling, spent=spent)
        self._taken[currency] = self._taken.get(currency, 0) + amount


def ceilings_lock(*, mandate: Mandate) -> LockedCeilings | None:
    """Locks the ceilings of the mandate's token until the end of the database transaction. None, without a query, if
    there are none.

    Call it before anything else is locked. Raises NOT_AUTHENTICATED if the token was revoked meanwhile, and UNAVAILABLE
    if another payment of the token holds the lock for longer than the lock timeout.
    """
    if mandate.ceilings_of is None:
        return None
    rows = _lock(mandate.ceilings_of)
    if not rows:
        raise WalletError(ErrorCode.NOT_AUTHENTICATED, "This token is invalid, expired or revoked.")
    # A payment that waited for the lock over midnight may find that another one has begun the new day.
    today = max(day for row in rows for day in (row.today, row.day) if day is not None)  # type: ignore[attr-defined]
    ceilings = {row.currency: row.on(today) for row in rows}
    return LockedCeilings(digest=mandate.ceilings_of, ceilings=ceilings, today=today)


def _lock(digest: str) -> list[TokenCeiling]:
    """Race: two payments of one token decide on the same `spent`, and together exceed the ceiling. The second one waits
    here until the first is committed, and then sees what it has spent.

    The ceilings are locked before wallets and idempotency keys, at every place, so that payments wait for each other
    instead of deadlocking.
    """
    try:
        return list(TokenCeiling.objects.raw(_LOCK_SQL, [digest]))
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise WalletError(ErrorCode.UNAVAILABLE, "The token is busy; try again.", retry_after_s=1) from error
        raise
