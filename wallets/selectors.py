"""Reads about who holds money. Nothing here writes, and nothing that writes decides on what is read here."""

from django.db.models import Q, QuerySet
from django.utils import timezone

from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.text import text_storable
from wallets.models import ApiToken, User, Wallet


def wallet_list(*, owner: User) -> QuerySet[Wallet]:
    """A user's wallets, oldest first."""
    return Wallet.objects.filter(owner=owner).select_related("owner").order_by("created_at", "id")


def wallet_get(*, owner: User, wallet_id: int) -> Wallet:
    """One wallet of this user; NOT_FOUND also for somebody else's, so that ids tell nothing."""
    wallet = Wallet.objects.filter(owner=owner, id=wallet_id).select_related("owner").first()
    if wallet is None:
        raise WalletError(ErrorCode.NOT_FOUND, "You have no such wallet.")
    return wallet


def recipient_find(*, name: str) -> User:
    """The active user with this username or e-mail address, in whatever case. Raises RECIPIENT_NOT_FOUND."""
    wanted = name.strip().lower()
    column = "email" if "@" in wanted else "username"
    recipient = User.objects.filter(**{column: wanted}, is_active=True).first() if text_storable(wanted) else None
    if recipient is None:
        raise WalletError(ErrorCode.RECIPIENT_NOT_FOUND, "There is nobody with this username or e-mail address.")
    return recipient


def recipient_wallet_get(*, name: str, currency: str) -> Wallet:
    """The wallet in which this user takes a currency. Raises RECIPIENT_NOT_FOUND."""
    recipient = recipient_find(name=name)
    wallet = Wallet.objects.filter(owner=recipient, currency=currency).select_related("owner").first()
    if wallet is None:
        raise WalletError(ErrorCode.RECIPIENT_NOT_FOUND, f"{recipient.username} has no wallet in {currency}.")
    return wallet


def destination_wallet_get(*, wallet_id: int) -> Wallet:
    """Anybody's wallet, to send money to. Raises NOT_FOUND."""
    wallet = Wallet.objects.filter(id=wallet_id, owner__isnull=False).select_related("owner").first()
    if wallet is None:
        raise WalletError(ErrorCode.NOT_FOUND, "The destination wallet does not exist.")
    return wallet


def token_list(*, owner: User) -> QuerySet[ApiToken]:
    """A user's API tokens that still open something, newest first."""
    alive = Q(expiry__isnull=True) | Q(expiry__gt=timezone.now())
    return ApiToken.objects.filter(alive, user=owner).order_by("-created")


def token_find(*, digest: str) -> ApiToken | None:
    """The token with this hash, its user loaded; None where it opens nothing (unknown, expired, or user inactive)."""
    alive = Q(expiry__isnull=True) | Q(expiry__gt=timezone.now())
    return ApiToken.objects.filter(alive, digest=digest, user__is_active=True).select_related("user").first()
