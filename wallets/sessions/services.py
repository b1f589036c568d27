"""Lists and ends the sessions of browsers. Postgres alone knows which there are; what Redis lost or made up does not
matter."""

from collections.abc import Collection

from django.db import transaction
from django.db.models import QuerySet

from kit.cache.protocol import cache_fence
from wallets.cache_names import session_name
from wallets.models import User
from wallets.models.sessions import BrowserSession
from wallets.sessions.lifetimes import sessions_alive, sessions_expired

_DELETED_MAX = 10_000


def browser_session_list(*, owner: User) -> QuerySet[BrowserSession]:
    """A user's sessions that are not over, the last used first. Without what they contain."""
    return BrowserSession.objects.filter(sessions_alive(), user=owner).defer("data").order_by("-last_seen_at", "-id")


def browser_sessions_end(
    *, user_id: int, only: Collection[int] | None = None, spared: str | None = None
) -> list[BrowserSession]:
    """Ends all sessions of a user, or those with the ids `only`, but not the one whose key has the hash `spared`.
    Returns them. From the commit on they are refused, even where they are cached.
    """
    sessions = BrowserSession.objects.filter(user_id=user_id).exclude(key_hash=spared or "")
    if only is not None:
        sessions = sessions.filter(pk__in=only)
    with transaction.atomic():
        # Races: two calls with sessions in common deadlock, or both report the same one. The row locks, taken in the
        # order of the ids, make the second call wait, and it then finds only what is left.
        ended = list(sessions.defer("data").order_by("pk").select_for_update())
        BrowserSession.objects.filter(pk__in=[session.pk for session in ended]).delete()
        cache_fence([session_name(session.key_hash) for session in ended])
    return ended


def browser_sessions_delete_expired() -> int:
    """Deletes some of the sessions that are over. Returns their number. Nobody accepts them, cached or not, so there is
    nothing to fence."""
    over = BrowserSession.objects.filter(sessions_expired()).values("pk")[:_DELETED_MAX]
    deleted, _ = BrowserSession.objects.filter(pk__in=over).delete()
    return deleted
