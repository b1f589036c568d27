"""Spending limits of a wallet: how much may leave it with one payment and in one day.

Payments are withdrawals and outgoing transfers. A day is a day of UTC. All amounts are minor units of the wallet's
currency; a limit that is None does not exist.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.money import AMOUNT_MAX, BALANCE_MAX, amount_format

#: How long a raise takes to count, and how long a reduction lasts.
RAISE_DELAY = timedelta(days=1)
#: The largest limit. 0 is a limit as well: nothing may leave the wallet.
LIMIT_MAX = AMOUNT_MAX
#: Where counting stops: far above every limit, and far below what a column holds.
SPENT_MAX = BALANCE_MAX


@dataclass(slots=True, kw_only=True)
class Spending:
    """The limits of a wallet and what was spent on the last day on which something was.

    From `next_at` on, the `next_…` limits replace the others. Until `reduced_until`, no more than `reduced_per_day` may
    be spent per day.
    """

    per_payment: int | None = None
    per_day: int | None = None
    next_per_payment: int | None = None
    next_per_day: int | None = None
    next_at: datetime | None = None
    reduced_per_day: int | None = None
    reduced_until: datetime | None = None
    spent: int = 0
    spent_on: date | None = None

    def per_payment_at(self, now: datetime) -> int | None:
        """The most that one payment may move. A payment cannot be larger than what a day allows, either."""
        return self.next_per_payment if self._has_next_begun(now) else self.per_payment

    def own_per_day_at(self, now: datetime) -> int | None:
        """The most that may be spent per day, as the owner has set it."""
        return self.next_per_day if self._has_next_begun(now) else self.per_day

    def per_day_at(self, now: datetime) -> int | None:
        """The most that may be spent per day: the owner's limit, or the reduced one while it counts."""
        own = self.own_per_day_at(now)
        if not self.is_reduced_at(now) or self.reduced_per_day is None:
            return own
        return self.reduced_per_day if own is None else min(own, self.reduced_per_day)

    def is_reduced_at(self, now: datetime) -> bool:
        return self.reduced_until is not None and self.reduced_until > now

    def has_raise_at(self, now: datetime) -> bool:
        """Whether a raise is scheduled that does not count yet."""
        return self.next_at is not None and self.next_at > now

    def day_at(self, now: datetime) -> date:
        """The day to which a payment counts. Never before the last one, even if the clock went back: the amount spent
        on an earlier day is no longer known."""
        today = now.astimezone(UTC).date()
        return today if self.spent_on is None else max(today, self.spent_on)

    def renews_at(self, now: datetime) -> datetime:
        """When a new day begins."""
        return datetime.combine(self.day_at(now) + timedelta(days=1), time.min, UTC)

    def spent_at(self, now: datetime) -> int:
        """What was spent on the day at hand."""
        return self.spent if self.spent_on == self.day_at(now) else 0

    def left_at(self, now: datetime) -> int | None:
        """What may still be spent on the day at hand; None: any amount."""
        limit = self.per_day_at(now)
        return None if limit is None else max(0, limit - self.spent_at(now))

    def _has_next_begun(self, now: datetime) -> bool:
        return self.next_at is not None and self.next_at <= now

    def spend(self, amount: int, *, now: datetime) -> None:
        """Counts a payment."""
        day = self.day_at(now)
        self.spent, self.spent_on = min(self.spent_at(now) + amount, SPENT_MAX), day


def spending_error(spending: Spending | None, amount: int, *, currency: str, now: datetime) -> WalletError | None:
    """Why a payment of this amount would exceed a limit; None if it would not. The detail says what is left."""
    if spending is None:
        return None
    per_payment, left = spending.per_payment_at(now), spending.left_at(now)
    if (per_payment is None or amount <= per_payment) and (left is None or amount <= left):
        return None
    return WalletError(ErrorCode.SPENDING_LIMIT_EXCEEDED, spending_words(spending, currency=currency, now=now))


def spending_words(spending: Spending, *, currency: str, now: datetime) -> str:
    """The limits of a wallet that has some, what is left of them today, and when they renew: for users."""
    per_payment, per_day, left = spending.per_payment_at(now), spending.per_day_at(now), spending.left_at(now)
    sentences = []
    if per_payment is not None:
        sentences.append(f"Your limit per payment is {amount_format(per_payment, currency=currency)}.")
    if per_day is not None and left is not None:
        why = " after your password reset" if per_day != spending.own_per_day_at(now) else ""
        sentences.append(
            f"Your limit per day{why} is {amount_format(per_day, currency=currency)}; "
            f"{amount_format(left, currency=currency)} is left until {_moment(spending.renews_at(now))}."
        )
    return " ".join(sentences)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
