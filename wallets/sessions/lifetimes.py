"""How long browsers' sessions last. The server decides, from the stored times and the current settings; what a cookie
says about its own age does not matter."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

#: How long the site remembers a visitor who does not sign in: a form that was begun, a second factor not yet entered.
VISITOR_LIFETIME = timedelta(days=1)
_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


class SessionEnd(StrEnum):
    """Why a session is over."""

    IDLE = "idle"
    ABSOLUTE = "absolute"


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a session lasts without activity, and since the sign-in."""

    idle: timedelta
    absolute: timedelta

    def end_of(self, *, signed_in_at: datetime, last_seen_at: datetime) -> SessionEnd | None:
        """Why a session with these times is over. None if it is not."""
        now = timezone.now()
        if signed_in_at + self.absolute <= now:
            return SessionEnd.ABSOLUTE
        return SessionEnd.IDLE if last_seen_at + self.idle <= now else None

    def words(self, end: SessionEnd) -> str:
        """What to tell a user whose session ended."""
        if end is SessionEnd.IDLE:
            return f"You were logged out after {self.idle_words} without activity."
        return f"You were logged out because your last login was {self.absolute_words} ago."

    @property
    def idle_words(self) -> str:
        return _span(self.idle)

    @property
    def absolute_words(self) -> str:
        return _span(self.absolute)


def session_lifetime(*, is_staff: bool) -> Lifetime:
    """The lifetime of a user's sessions."""
    prefix = "STAFF_SESSION" if is_staff else "SESSION"
    return Lifetime(
        idle=timedelta(seconds=getattr(settings, f"{prefix}_IDLE_S")),
        absolute=timedelta(seconds=getattr(settings, f"{prefix}_ABSOLUTE_S")),
    )


def sessions_alive() -> Q:
    """Selects the sessions of users that are not over."""
    return _alive(is_staff=False) | _alive(is_staff=True)


def sessions_expired() -> Q:
    """Selects the sessions that are over, also those of visitors."""
    visitors = Q(user__isnull=True, last_seen_at__lte=timezone.now() - VISITOR_LIFETIME)
    return visitors | _expired(is_staff=False) | _expired(is_staff=True)


def _alive(*, is_staff: bool) -> Q:
    lifetime, now = session_lifetime(is_staff=is_staff), timezone.now()
    return Q(user__is_staff=is_staff, signed_in_at__gt=now - lifetime.absolute, last_seen_at__gt=now - lifetime.idle)


def _expired(*, is_staff: bool) -> Q:
    lifetime, now = session_lifetime(is_staff=is_staff), timezone.now()
    over = Q(signed_in_at__lte=now - lifetime.absolute) | Q(last_seen_at__lte=now - lifetime.idle)
    return Q(user__is_staff=is_staff) & over


def _span(span: timedelta) -> str:
    """A time span in its largest unit that divides it: "7 days", "90 minutes"."""
    seconds = int(span.total_seconds())
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    count = seconds // size
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
