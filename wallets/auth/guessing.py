"""Budgets of wrong guesses at passwords and second factors, in Postgres.

An account has one budget for its password, whichever name, page or API the guesses come through, and one for its
second factor. A guess takes a unit *before* its password is hashed, so that parallel guesses cannot exceed the budget,
and gets it back if it was right. Right answers therefore cost nothing, and give an attacker nothing back.

A budget is one number, as in `kit.limits.gcra`: when it will be whole again. Names without an account have budgets as
well, so that running into one tells nobody whether the account exists.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection
from django.db.models import F, Q
from django.db.models.functions import Now

from kit.limits.buckets import key_hashed
from kit.limits.policies import Policy
from telemetry import metrics
from wallets.auth.accounts import login_canonical
from wallets.domain.errors import ErrorCode, WalletError
from wallets.limits import FACTOR_GUESSES, PASSWORD_GUESSES
from wallets.models import User
from wallets.models.security import GuessBudget

#: The owner of an account that is being guessed at gets at most one mail per budget in this time.
NOTICE_EVERY = timedelta(days=1)
_TAKE_SQL = """
INSERT INTO wallets_guessbudget AS budget (key, full_at)
VALUES (%(key)s, clock_timestamp() + %(unit)s::interval)
ON CONFLICT (key) DO UPDATE SET full_at = greatest(budget.full_at, clock_timestamp()) + %(unit)s::interval
WHERE greatest(budget.full_at, clock_timestamp()) + %(unit)s::interval <= clock_timestamp() + %(window)s::interval
"""
_WAIT_SQL = """
SELECT extract(epoch FROM full_at + %(unit)s::interval - %(window)s::interval - clock_timestamp())
FROM wallets_guessbudget WHERE key = %(key)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Whose wrong guesses are counted, and how many there may be."""

    key: str
    policy: Policy

    @property
    def unit(self) -> timedelta:
        """The time in which one guess flows back."""
        return self.window / self.policy.quota

    @property
    def window(self) -> timedelta:
        return timedelta(seconds=self.policy.window_s)


class Guess:
    """One guess under way. It counts as wrong unless `right` was called."""

    is_right = False

    def right(self) -> None:
        self.is_right = True


def password_budget(*, user: User | None, login: str, browser_id: str | None) -> Budget:
    """The budget for guessing this account's password, or the password of a name without an account.

    A browser in which the owner has signed in before has a budget of its own, so guesses from elsewhere do not lock the
    owner out of it.
    """
    if user is None:
        return Budget(key=f"{PASSWORD_GUESSES.name}:name:{key_hashed(login_canonical(login))}", policy=PASSWORD_GUESSES)
    return Budget(key=f"{PASSWORD_GUESSES.name}:{_whose(user, browser_id)}", policy=PASSWORD_GUESSES)


def factor_budget(*, user: User, browser_id: str | None) -> Budget:
    """The budget for guessing the code of this account's second factor, after a right password."""
    return Budget(key=f"{FACTOR_GUESSES.name}:{_whose(user, browser_id)}", policy=FACTOR_GUESSES)


@contextmanager
def guess_counted(budget: Budget) -> Iterator[Guess]:
    """Counts the guess made inside as wrong unless it calls `right` or raises. Raises RATE_LIMITED if too many were.

    The unit is taken in a statement of its own: the row's lock makes parallel guesses take different units.
    """
    _take(budget)
    guess = Guess()
    is_finished = False
    try:
        yield guess
        is_finished = True
    finally:
        # An attempt that failed for another reason (no place to hash, a lost connection) was no guess.
        if guess.is_right or not is_finished:
            _give_back(budget)


def budget_touch(budget: Budget) -> None:
    """Writes a row and changes nothing: as much work as recording a failure."""
    GuessBudget.objects.filter(key=budget.key).update(full_at=F("full_at"))


def notice_due(budget: Budget) -> bool:
    """Whether the owner should be told that this budget is exhausted. Of many callers in a day, one gets True."""
    day_ago = Now() - NOTICE_EVERY
    due = GuessBudget.objects.filter(Q(noticed_at=None) | Q(noticed_at__lt=day_ago), key=budget.key)
    return bool(due.update(noticed_at=Now()))


def budgets_delete_whole() -> int:
    """Deletes the budgets that are whole again, and the names that strangers tried with them."""
    day_ago = Now() - NOTICE_EVERY
    whole = GuessBudget.objects.filter(Q(noticed_at=None) | Q(noticed_at__lt=day_ago), full_at__lt=Now())
    deleted, _ = whole.delete()
    return deleted


def _whose(user: User, browser_id: str | None) -> str:
    return f"user:{user.pk}" if browser_id is None else f"browser:{user.pk}:{browser_id}"


def _take(budget: Budget) -> None:
    terms = {
        "key": budget.key,
        "unit": f"{budget.unit.total_seconds()} s",
        "window": f"{budget.window.total_seconds()} s",
    }
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_SQL, terms)
        if cursor.rowcount == 1:
            return
        cursor.execute(_WAIT_SQL, terms)
        row = cursor.fetchone()
    metrics.throttled.labels(policy=budget.policy.name).inc()
    wait_s = max(1, math.ceil(row[0])) if row else 1
    raise WalletError(
        ErrorCode.RATE_LIMITED,
        f"Too many failed attempts. Try again in {wait_s} s.",
        retry_after_s=wait_s,
    )


def _give_back(budget: Budget) -> None:
    GuessBudget.objects.filter(key=budget.key).update(full_at=F("full_at") - budget.unit)
