"""Reads about who holds money. Nothing here writes, and no write decides on what is read here.

A wallet *view* is a wallet as reads show it. It comes from the cache and is as fresh as Postgres. It has a type of its
own, so that no service can be handed one where it needs a wallet.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from django.db.models import Q, QuerySet
from django.utils import timezone

from kit.cache.prefetch import prefetch_names
from kit.cache.protocol import cache_read, cache_read_many
from wallets.cache_names import wallet_name, wallets_name
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import ApiToken, User, Wallet
from wallets.models.security import SecurityEvent

SECURITY_EVENTS_PER_PAGE = 30
#: How many parsed views this process keeps.
_VIEWS_KEPT = 4_096
_VIEW_FIELDS = ("id", "owner_id", "currency", "status", "balance", "version", "created_at")


def wallet_list(*, owner: User) -> QuerySet[Wallet]:
    """A user's wallets, oldest first."""
    return Wallet.objects.filter(owner=owner).select_related("owner").order_by("created_at", "id")


def wallet_get(*, owner: User, wallet_id: int) -> Wallet:
    """One wallet of this user. Raises NOT_FOUND also for another user's wallet, so that ids reveal nothing."""
    wallet = Wallet.objects.filter(owner=owner, id=wallet_id).select_related("owner").first()
    if wallet is None:
        raise WalletError(ErrorCode.NOT_FOUND, "You have no such wallet.")
    return wallet


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletView:
    """A wallet as its owner sees it."""

    id: int
    owner_id: int
    currency: str
    status: str
    balance: int
    version: int
    created_at: datetime


def wallet_view_prefetch(*, wallet_id: int) -> None:
    """Plans to read this wallet in the request at hand (`kit.cache.prefetch`)."""
    prefetch_names([wallet_name(wallet_id)], load=_views_load)


def wallet_view_get(*, owner: User, wallet_id: int) -> WalletView:
    """One wallet of this user, mostly from the cache. Raises NOT_FOUND also for another user's wallet."""
    view = _view_find(wallet_id)
    if view is None or view.owner_id != owner.pk:
        raise WalletError(ErrorCode.NOT_FOUND, "You have no such wallet.")
    return view


def wallet_view_find(*, wallet_id: int) -> WalletView | None:
    """Any user's wallet. For code that shows it to nobody, such as warm-ups."""
    return _view_find(wallet_id)


def wallet_views_find(*, wallet_ids: Collection[int]) -> dict[int, WalletView]:
    """Any users' wallets by id, with one lookup in the cache. For callers that have already checked the owners."""
    cached = cache_read_many([wallet_name(number) for number in wallet_ids], load=_views_load) if wallet_ids else {}
    views = (_view_of(value) for value in cached.values())
    return {view.id: view for view in views if view is not None}


def wallet_view_list(*, owner: User) -> list[WalletView]:
    """A user's wallets, oldest first, mostly from the cache: one lookup for their ids and one for all of them."""
    listed = cache_read(wallets_name(owner.pk), load=lambda: _ids_load(owner.pk))
    names = [wallet_name(wallet_id) for wallet_id in json.loads(listed or b"[]")]
    cached = cache_read_many(names, load=_views_load) if names else {}
    return [view for name in names if (view := _view_of(cached[name])) is not None]


def _view_find(wallet_id: int) -> WalletView | None:
    name = wallet_name(wallet_id)
    return _view_of(cache_read_many([name], load=_views_load)[name])


def _view_of(cached: bytes | None) -> WalletView | None:
    return _view_read(cached) if cached is not None else None


@lru_cache(_VIEWS_KEPT)
def _view_read(cached: bytes) -> WalletView:
    """Parses a cached view. Cached by its bytes: equal bytes are equal views."""
    fields = json.loads(cached)
    return WalletView(**{**fields, "created_at": datetime.fromisoformat(fields["created_at"])})


def _views_load(names: Sequence[str]) -> Mapping[str, bytes]:
    ids = [int(name.partition(":")[2]) for name in names]
    # An outside wallet has no view: it has no owner and no running balance.
    wallets = Wallet.objects.filter(id__in=ids, owner__isnull=False).values(*_VIEW_FIELDS)
    return {
        wallet_name(wallet["id"]): json.dumps({**wallet, "created_at": wallet["created_at"].isoformat()}).encode()
        for wallet in wallets
    }


def _ids_load(owner_id: int) -> bytes:
    ids = Wallet.objects.filter(owner=owner_id).order_by("created_at", "id").values_list("id", flat=True)
    return json.dumps(list(ids)).encode()


def security_event_list(*, owner: User, before: int | None = None) -> tuple[list[SecurityEvent], int | None]:
    """A page of a user's security events, newest first, and what to pass as `before` for the next one, if there is
    one."""
    events = SecurityEvent.objects.filter(user=owner).order_by("-id")
    if before is not None:
        events = events.filter(id__lt=before)
    found = list(events[: SECURITY_EVENTS_PER_PAGE + 1])
    page = found[:SECURITY_EVENTS_PER_PAGE]
    return page, page[-1].pk if len(found) > len(page) else None


def account_get(*, user: User) -> User:
    """The user as the account's owner sees it: with confirmed address and display name, which are not cached."""
    return User.objects.only("username", "display_name", "email", "date_joined").get(pk=user.pk)


def token_get(*, owner: User, digest: str) -> ApiToken:
    """A user's API token, with its ceilings loaded. Raises NOT_FOUND."""
    found = ApiToken.objects.filter(user=owner, digest=digest).prefetch_related("ceilings")
    token: ApiToken | None = found.first()
    if token is None:
        raise WalletError(ErrorCode.NOT_FOUND, "You have no such token.")
    return token


def tokens_questioned(*, owner: User) -> QuerySet[ApiToken]:
    """Those about which their owner has an open question: to keep or to revoke them after a change of email or second
    factors."""
    return token_list(owner=owner).filter(questioned_at__isnull=False)


def token_list(*, owner: User) -> QuerySet[ApiToken]:
    """A user's API tokens that have not expired, newest first, with their ceilings loaded."""
    alive = Q(expiry__isnull=True) | Q(expiry__gt=timezone.now())
    return ApiToken.objects.filter(alive, user=owner).prefetch_related("ceilings").order_by("-created")
