"""Writes the log of security events, in the database transaction of whatever it records.

The log is append-only: Postgres refuses to change an event, or to delete one that is younger than a year.
"""

from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from allauth.core import context
from django.db import transaction
from django.db.models.functions import Now
from django.http import HttpRequest

from wallets.auth.origins import origin_of
from wallets.domain.security import SecurityChannel, SecurityEventKind
from wallets.models import User
from wallets.models.security import SecurityEvent

#: Longer than the year for which Postgres refuses to delete an event.
KEPT = timedelta(days=400)
_DELETED_MAX = 10_000

log = structlog.get_logger(__name__)


def security_event_record(*, user: User, kind: SecurityEventKind, detail: dict[str, Any] | None = None) -> None:
    """Records an event of this account. If the transaction at hand rolls back, nothing has happened and nothing stays.

    Where it came from is read from the request at hand; outside a request (a command, a task, gRPC) it is unknown.
    After the commit, a line in the site's log says the same without names, addresses and reasons. So the event is also
    where the log is sent to, beyond the reach of whoever takes over the site.
    """
    origin = _origin(context.request)
    SecurityEvent.objects.create(user_id=user.pk, kind=kind, detail=detail or {}, **origin)
    line = {"kind": str(kind), "user_id": user.pk, "channel": str(origin["channel"])}
    transaction.on_commit(partial(log.info, "security_event", **line), robust=True)


def sign_in_failed_unknown() -> None:
    """Says in the site's log that somebody tried to sign in with a name that no account has. The name stays out: people
    type passwords into that field."""
    line = {"kind": str(SecurityEventKind.SIGN_IN_FAILED), "user_id": None}
    log.info("security_event", **line, channel=str(_origin(context.request)["channel"]))


def api_address_is_new(*, user: User) -> bool:
    """Whether no program has logged in over the API from this client address in the time that the log covers."""
    seen = SecurityEvent.objects.filter(
        user=user,
        kind=SecurityEventKind.SIGNED_IN,
        channel=SecurityChannel.API,
        address=_origin(context.request)["address"],
    )
    return not seen.exists()


def security_events_delete_old() -> int:
    """Deletes events that are older than the log keeps them. Returns their number."""
    old = SecurityEvent.objects.filter(at__lt=Now() - KEPT).order_by("id").values("id")[:_DELETED_MAX]
    deleted, _ = SecurityEvent.objects.filter(id__in=old).delete()
    return deleted


def _origin(request: HttpRequest | None) -> dict[str, Any]:
    if request is None:
        return {"channel": SecurityChannel.SERVER, "address": None, "user_agent": ""}
    return {"channel": _channel(request), **origin_of(request)}


def _channel(request: HttpRequest) -> SecurityChannel:
    if request.path_info.startswith("/api/"):
        return SecurityChannel.API
    return SecurityChannel.ADMIN if request.path_info.startswith("/admin/") else SecurityChannel.PAGE
