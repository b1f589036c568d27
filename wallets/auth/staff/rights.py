"""Staff are recognised without the cache."""

from django.contrib.auth import get_user
from django.db import transaction
from django.http import HttpRequest

from wallets.auth.sessions.middleware import session_of

_REFRESHED = "_wallet_staff_refreshed"


def staff_refresh(request: HttpRequest) -> None:
    """Reads the session of this request and its user again, from Postgres, once per request.

    Somebody who can write to Redis may put back a session or user of up to five minutes ago: one that was logged out or
    deactivated since. That must not open the admin.
    """
    if getattr(request, _REFRESHED, False):
        return
    setattr(request, _REFRESHED, True)
    request.session = session_of(request).again()
    # Inside a database transaction nothing comes from the cache. `get_user` loads the session and then its user.
    with transaction.atomic():
        user = get_user(request)
        if user.is_authenticated:
            # What decides about the admin, in one query instead of one for each column.
            user.refresh_from_db(fields=["is_staff", "is_superuser"])
        request.user = user
