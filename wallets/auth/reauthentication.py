"""What every confirmation of who is there passes through: a password, a code or a passkey that is entered again.

The session gets a new key, so a copy of the old one, stolen before, opens nothing of what the confirmation allows.
allauth tells of it by a signal, whichever page it was.
"""

from typing import Any

from allauth.account.signals import authentication_step_completed
from django.http import HttpRequest

from wallets.auth.sessions.middleware import session_of


def connect() -> None:
    authentication_step_completed.connect(_step_completed, dispatch_uid="wallets.reauthenticated")


def _step_completed(request: HttpRequest, reauthenticated: bool = False, **_: Any) -> None:  # noqa: FBT001, FBT002
    if reauthenticated:
        session_of(request).is_renewal_due = True
