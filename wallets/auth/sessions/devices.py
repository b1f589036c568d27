"""Logs a user out of other browsers, when the user asks for it. It is recorded in the account's security log.

It needs no password: it only takes access away.
"""

from django.db import transaction

from wallets.auth.security_log import security_event_record
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.security import SecurityEventKind
from wallets.models import User
from wallets.models.sessions import BrowserSession
from wallets.sessions.services import browser_sessions_end


def session_end_one(*, user: User, session_id: int) -> BrowserSession:
    """Ends one session of this user, and returns it. Raises NOT_FOUND if it is over already, or somebody else's."""
    with transaction.atomic():
        ended = browser_sessions_end(user_id=user.pk, only=[session_id])
        if not ended:
            raise WalletError(ErrorCode.NOT_FOUND, "That device is logged out already.")
        detail = {"name": ended[0].browser}
        security_event_record(user=user, kind=SecurityEventKind.SESSION_ENDED, detail=detail)
    return ended[0]


def sessions_end_others(*, user: User, current: str | None) -> int:
    """Ends all sessions of this user but the one whose key has the hash `current`. Returns how many."""
    with transaction.atomic():
        ended = browser_sessions_end(user_id=user.pk, spared=current)
        if ended:
            name = ended[0].browser if len(ended) == 1 else f"{len(ended)} devices"
            security_event_record(user=user, kind=SecurityEventKind.SESSION_ENDED, detail={"name": name})
    return len(ended)
