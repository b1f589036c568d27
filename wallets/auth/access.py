"""Finds the user of an API token or session, mostly from the cache, so that authentication takes no query.

Code that changes a token or user fences it (`wallets.services`), so a revoked token or a deactivated user is refused
from the next request on. Email addresses are not cached; a page that shows one reads it.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from kit.cache.protocol import cache_read, cache_read_many
from kit.db.deferred import deferred_row
from wallets.cache_names import token_name, user_name
from wallets.domain.mandates import Mandate, Scope
from wallets.models import ApiToken, User
from wallets.models.tokens import TokenCeiling

#: The users of the tokens that this process has seen. Only a guess for prefetching; it authenticates nobody.
_owners: dict[str, int] = {}
_OWNERS_MAX = 10_000
#: The form of a cached token. Increase it when its fields change.
_FORM = 2
#: What is cached of a user. `is_staff` and `is_superuser` are not: Django reads them from Postgres when they are first
#: used, so nothing in Redis gives anybody rights.
_USER_FIELDS = ("id", "username", "first_name", "last_name", "is_active")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """The token of a request, by its hash, its user, and what it may do on the user's behalf."""

    digest: str
    user: User
    mandate: Mandate


def token_find(*, digest: str) -> Bearer | None:
    """The token with this hash and its user; None if the token is unknown or expired, or the user is inactive."""
    return _token_of(digest, cache_read(token_name(digest), load=lambda: _token_load(digest)))


def tokens_alive(*, digests: Collection[str]) -> set[str]:
    """Those of the tokens that are still valid, with one lookup in the cache for all of them."""
    names = {token_name(digest): digest for digest in digests}
    cached = cache_read_many(list(names), load=_tokens_load) if names else {}
    return {digest for name, digest in names.items() if _token_of(digest, cached[name]) is not None}


def _token_of(digest: str, cached: bytes | None) -> Bearer | None:
    if cached is not None and not _is_current(cached):
        cached = _token_load(digest)
    if cached is None:
        _owners.pop(digest, None)
        return None
    expiry, fields, mandate = _token_read(cached)
    user = _user_of(fields)
    # The expiry is compared on every read, because a token may have expired since it was cached.
    if not user.is_active or (expiry is not None and expiry <= timezone.now()):
        return None
    if len(_owners) >= _OWNERS_MAX:
        _owners.clear()
    _owners[digest] = user.pk
    return Bearer(digest=digest, user=user, mandate=mandate)


@lru_cache(_OWNERS_MAX)
def _is_current(cached: bytes) -> bool:
    """Whether the value has today's form. One that a process of an older release stored counts as a miss."""
    return bool(json.loads(cached).get("form") == _FORM)


@lru_cache(_OWNERS_MAX)
def _token_read(cached: bytes) -> tuple[datetime | None, dict[str, Any], Mandate]:
    """Expiry, user and mandate of a cached token. Cached by its bytes: equal bytes have equal content."""
    fields = json.loads(cached)
    mandate = Mandate(scopes=frozenset(map(Scope, fields["scopes"])), ceilings_of=fields["ceilings_of"])
    return datetime.fromisoformat(fields["expiry"]) if fields["expiry"] else None, fields["user"], mandate


def token_owner_guess(*, digest: str) -> int | None:
    """The user of this token when this process last saw it. The user never changes, but the token may be revoked."""
    return _owners.get(digest)


def user_find(*, user_id: int) -> User | None:
    """The user, active or not. It carries the session hash instead of the password hash."""
    cached = cache_read(user_name(user_id), load=lambda: _user_load(user_id))
    return _user_of(json.loads(cached)) if cached is not None else None


def _token_load(digest: str) -> bytes | None:
    name = token_name(digest)
    return _tokens_load([name])[name]


def _tokens_load(names: Sequence[str]) -> dict[str, bytes | None]:
    digests = {name: name.partition(":")[2] for name in names}
    found = {token.digest: _token_bytes(token) for token in _tokens_with_mandate().filter(digest__in=digests.values())}
    return {name: found.get(digest) for name, digest in digests.items()}


def _tokens_with_mandate() -> QuerySet[ApiToken]:
    ceilings = TokenCeiling.objects.filter(token=OuterRef("pk"))
    tokens: QuerySet[ApiToken] = ApiToken.objects.select_related("user").annotate(has_ceilings=Exists(ceilings))
    return tokens


def _token_bytes(token: ApiToken) -> bytes:
    fields = {
        "form": _FORM,
        "expiry": token.expiry.isoformat() if token.expiry else None,
        "user": _user_fields(token.user),
        # Scopes and ceilings never change as long as the token exists.
        "scopes": token.scopes,
        "ceilings_of": token.digest if token.has_ceilings else None,  # type: ignore[attr-defined]  # annotated
    }
    return json.dumps(fields).encode()


def _user_load(user_id: int) -> bytes | None:
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        return None
    hashes = {
        "session_hash": user.get_session_auth_hash(),
        "session_fallback_hashes": list(user.get_session_auth_fallback_hash()),
    }
    return json.dumps(_user_fields(user) | hashes).encode()


def _user_fields(user: User) -> dict[str, Any]:
    fields = {name: getattr(user, name) for name in _USER_FIELDS}
    return {**fields, "date_joined": user.date_joined.isoformat()}


def _user_of(fields: dict[str, Any]) -> User:
    columns = {name: fields[name] for name in _USER_FIELDS}
    user = deferred_row(User, **columns, date_joined=datetime.fromisoformat(fields["date_joined"]))
    user.session_hash = fields.get("session_hash")
    user.session_fallback_hashes = fields.get("session_fallback_hashes", [])
    return user
