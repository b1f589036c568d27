"""Mandates: what a caller may do on a user's behalf, and how much a program may pay."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.money import amount_format


class Scope(StrEnum):
    """What an API token may be allowed to do. Tokens store these codes, so none is ever renamed.

    READ is every read; every token has it. MOVE_MONEY is every write: it moves money, opens wallets and changes what a
    wallet may do. No scope allows a token to change how its owner signs in.
    """

    READ = "read"
    MOVE_MONEY = "move_money"


#: The words for each scope on pages and in mails.
SCOPE_TITLES: Mapping[Scope, str] = {
    Scope.READ: "View wallets and activity",
    Scope.MOVE_MONEY: "Move money and open wallets",
}


class ScopeError(WalletError):
    """The caller's token lacks this scope."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(ErrorCode.INSUFFICIENT_SCOPE, f"This needs a token with the scope {scope}.")
        self.scope = scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """What a caller may do on its user's behalf.

    `ceilings_of` is the digest of the token whose ceilings bound the caller's payments; without it, none do.
    """

    scopes: frozenset[Scope]
    ceilings_of: str | None = None


#: The mandate of users who act in person: their browser is signed in.
OWNER = Mandate(scopes=frozenset(Scope))


def scope_require(*, mandate: Mandate, scope: Scope) -> None:
    """Raises ScopeError unless the mandate has this scope."""
    if scope not in mandate.scopes:
        raise ScopeError(scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """How much a token may pay in one currency, in minor units; None: any amount. Deposits do not count.

    A day is a day in UTC. `spent` is what the token has paid on `today`, as far as `per_day` bounds it.
    """

    currency: str
    per_payment: int | None = None
    per_day: int | None = None
    spent: int = 0

    @property
    def left(self) -> int | None:
        """What the token may still pay today; None: any amount."""
        return None if self.per_day is None else self.per_day - self.spent


def ceiling_error(*, ceilings: Mapping[str, Ceiling], currency: str, amount: int, today: date) -> WalletError | None:
    """Why a token with these ceilings, by currency, may not pay this amount; None if it may.

    Rule: a token with ceilings pays only in the currencies that have one.
    """
    ceiling = ceilings.get(currency)
    if ceiling is None:
        known = ", ".join(sorted(ceilings))
        return _exceeded(f"This token has ceilings for {known} and cannot pay in {currency}.")
    if ceiling.per_payment is not None and amount > ceiling.per_payment:
        return _exceeded(f"This token may pay at most {_money(ceiling.per_payment, currency)} at once.", ceiling, today)
    if ceiling.left is not None and amount > ceiling.left:
        return _exceeded("", ceiling, today)
    return None


def _exceeded(detail: str, ceiling: Ceiling | None = None, today: date | None = None) -> WalletError:
    if ceiling is not None and today is not None and ceiling.per_day is not None and ceiling.left is not None:
        per_day, left = _money(ceiling.per_day, ceiling.currency), _money(ceiling.left, ceiling.currency)
        day = f"This token may pay at most {per_day} a day. {left} is left until {today + timedelta(days=1)} 00:00 UTC."
        detail = f"{detail} {day}".strip()
    return WalletError(ErrorCode.TOKEN_CEILING_EXCEEDED, detail)


def _money(amount: int, currency: str) -> str:
    return amount_format(amount, currency=currency)
