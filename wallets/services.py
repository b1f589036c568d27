"""Writes about who holds money: accounts, wallets and their status, API tokens."""

from typing import Protocol

import pghistory
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from psycopg.errors import UniqueViolation

from kit.cache.protocol import cache_fence, cache_replayed
from kit.db.errors import constraint_violated
from wallets.cache_names import token_name, user_name, wallet_name, wallets_name
from wallets.domain.currencies import CURRENCIES
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.ids import ClockError
from wallets.models import ApiToken, OwedWallet, User, Wallet, WalletStatus
from wallets.node_leases import LeaseError

#: The currency of the wallet that every new account starts with.
FIRST_CURRENCY = "USD"
#: How many owed wallets one sweep opens.
OWED_SWEPT_MAX = 1_000


class OpenFirst(Protocol):
    """Opens the wallet that an account starts with: `wallet_open_first`, or whoever does it in its stead."""

    def __call__(self, *, owner: User) -> None: ...


def wallet_open_first(*, owner: User) -> None:
    """The wallet that every new account starts with."""
    wallet_open(owner=owner, currency=FIRST_CURRENCY)


def wallet_owe(*, owner: User) -> None:
    """Puts on record that a new account has yet to get its first wallet; called in the transaction that makes it."""
    OwedWallet.objects.create(owner=owner)


def wallet_owed_open(*, owner_id: int) -> None:
    """Opens the first wallet of an account that is owed one. Raises UNAVAILABLE."""
    with transaction.atomic():
        # The sweep and the web process may both be at it: the lock lets one of them wait, and then find nothing.
        owed = OwedWallet.objects.select_for_update(of=("self",)).select_related("owner").filter(pk=owner_id).first()
        if owed is None:
            return
        try:
            wallet_open_first(owner=owed.owner)
        except WalletError as error:
            # Its owner was faster, by hand.
            if error.code != ErrorCode.WALLET_EXISTS:
                raise
        owed.delete()


def wallets_owed_sweep() -> int:
    """Opens the wallets that accounts are still owed, because the wallet service was away; how many there were."""
    owner_ids = list(OwedWallet.objects.order_by("pk").values_list("pk", flat=True)[:OWED_SWEPT_MAX])
    for owner_id in owner_ids:
        wallet_owed_open(owner_id=owner_id)
    return len(owner_ids)


def user_register(
    *, username: str, email: str, password: str, wallet_open_first: OpenFirst = wallet_open_first
) -> User:
    """A new account and its first wallet, in one commit. Input is validated by the entry point.

    Raises MALFORMED, naming the field, where the username or the e-mail address is taken.
    """
    try:
        with transaction.atomic():
            user = User.objects.create_user(username=username, email=email, password=password)
            wallet_open_first(owner=user)
    except IntegrityError as error:
        raise _taken(error) from error
    return user


def wallet_open(*, owner: User, currency: str) -> Wallet:
    """A new, empty wallet. Raises WALLET_EXISTS, MALFORMED for an unknown currency, and UNAVAILABLE without an id."""
    if currency not in CURRENCIES:
        raise WalletError(
            ErrorCode.MALFORMED, "Unknown currency.", fields={"currency": ["Must be an ISO 4217 code, such as USD."]}
        )
    try:
        with transaction.atomic():
            # The currency's outside wallet comes with its first inside one; of two that race, one inserts it.
            Wallet.objects.bulk_create(
                [Wallet(id=CURRENCIES[currency].numeric, owner=None, currency=currency)], ignore_conflicts=True
            )
            wallet = Wallet.objects.create(owner=owner, currency=currency)
            cache_fence([wallets_name(owner.pk)])
    except IntegrityError as error:
        if constraint_violated(error) != "wallet_one_per_owner_and_currency":
            raise
        with transaction.atomic():
            cache_replayed([wallets_name(owner.pk)])
        raise WalletError(ErrorCode.WALLET_EXISTS, f"You already have a wallet in {currency}.") from error
    except (ClockError, LeaseError) as error:
        raise WalletError(ErrorCode.UNAVAILABLE, retry_after_s=1) from error
    return wallet


def wallet_freeze(*, wallet_id: int, actor: User, reason: str) -> bool:
    """From the commit on no money moves in or out; False where it was frozen already. Raises NOT_FOUND, and MALFORMED
    without a reason."""
    return _wallet_set_status(wallet_id=wallet_id, status=WalletStatus.FROZEN, actor=actor, reason=reason)


def wallet_reopen(*, wallet_id: int, actor: User, reason: str) -> bool:
    """Money moves again; False where it was open already. Raises NOT_FOUND, and MALFORMED without a reason."""
    return _wallet_set_status(wallet_id=wallet_id, status=WalletStatus.OPEN, actor=actor, reason=reason)


def wallet_close(*, wallet_id: int, actor: User, reason: str) -> bool:
    """Closes an empty wallet; False where it was closed already. Raises NOT_FOUND, and MALFORMED without a reason or
    while it holds money."""
    try:
        return _wallet_set_status(wallet_id=wallet_id, status=WalletStatus.CLOSED, actor=actor, reason=reason)
    except IntegrityError as error:
        if constraint_violated(error) != "wallet_closed_is_empty":
            raise
        message = "Only an empty wallet can be closed."
        raise WalletError(ErrorCode.MALFORMED, message, fields={"status": [message]}) from error


def token_issue(*, user: User, name: str) -> tuple[ApiToken, str]:
    """A new bearer token, and its secret, which is nowhere to be read again. Raises NOT_AUTHENTICATED where the account
    was shut, or its password changed, since `user` was let in."""
    with transaction.atomic():
        # The lock stops a change of the password, which ends every token there is, from missing this one: either it
        # waits for this commit and finds the token, or it is found out here that whoever asks knew the old one.
        account = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if not account.is_active or account.get_session_auth_hash() != user.get_session_auth_hash():
            raise WalletError(ErrorCode.NOT_AUTHENTICATED, "The account was deactivated, or its password was changed.")
        token, secret = ApiToken.objects.create(user=account, name=name)  # type: ignore[no-untyped-call]  # knox is untyped
    return token, secret


def token_revoke(*, user: User, digest: str) -> None:
    """From the commit on the token opens nothing. Raises NOT_FOUND."""
    if not _tokens_delete(_tokens(user).filter(digest=digest)):
        with transaction.atomic():
            cache_replayed([token_name(digest)])
        raise WalletError(ErrorCode.NOT_FOUND, "You have no such token.")


def tokens_revoke_all(*, user: User) -> None:
    """Revokes every token of a user, as a changed password asks for."""
    _tokens_delete(_tokens(user))


def tokens_delete_expired() -> None:
    """Deletes the tokens that open nothing any more."""
    _tokens_delete(ApiToken.objects.filter(expiry__lte=timezone.now()))


def user_fence(*, user_id: int) -> None:
    """Says that an account changes with the transaction that runs: whether it may come in, or by which password.

    To be called last, when the change is written. What is cached of a token holds what it needs of its user, so the
    tokens are fenced too.
    """
    # FOR UPDATE, and not what the change itself holds: the foreign key of a token that is issued at this moment waits
    # for it. So the token is either among those found here, or commits later, and is never read with the old user.
    User.objects.select_for_update().filter(pk=user_id).first()
    digests = ApiToken.objects.filter(user=user_id).values_list("digest", flat=True)
    cache_fence([user_name(user_id), *map(token_name, digests)])


def _wallet_set_status(*, wallet_id: int, status: WalletStatus, actor: User, reason: str) -> bool:
    """Whether this call changed it: of two that race, one does, and one event is on record."""
    if not reason.strip():
        raise WalletError(ErrorCode.MALFORMED, "Give a reason.", fields={"reason": ["Give a reason."]})
    # The trigger that writes the audit trail reads who and why from this context. The UPDATE waits for the row's
    # lock, so a posting that has already decided finishes first, and the next one sees the new status.
    who = {"actor": actor.pk, "actor_name": actor.get_username(), "reason": reason.strip()}
    with transaction.atomic(), pghistory.context(**who):
        changed = Wallet.objects.filter(id=wallet_id, owner__isnull=False).exclude(status=status).update(status=status)
        if not changed and not Wallet.objects.filter(id=wallet_id, owner__isnull=False).exists():
            raise WalletError(ErrorCode.NOT_FOUND, "There is no such wallet.")
        if changed:
            cache_fence([wallet_name(wallet_id)])
        else:
            cache_replayed([wallet_name(wallet_id)])
    return bool(changed)


def _tokens(user: User) -> QuerySet[ApiToken]:
    return ApiToken.objects.filter(user=user)


def _tokens_delete(tokens: QuerySet[ApiToken]) -> int:
    """How many there were. From the commit on none of them opens anything, in whatever cache it was.

    The locks, taken in the order of the digests, stop two calls with tokens in common from deadlocking over them; and
    of two that revoke the same one the second finds none.
    """
    with transaction.atomic():
        digests = list(tokens.order_by("digest").select_for_update(of=("self",)).values_list("digest", flat=True))
        ApiToken.objects.filter(digest__in=digests).delete()
        cache_fence([token_name(digest) for digest in digests])
    return len(digests)


def _taken(error: IntegrityError) -> Exception:
    if not isinstance(error.__cause__, UniqueViolation):
        return error
    field = "email" if "email" in constraint_violated(error) else "username"
    message = f"This {field} is taken."
    return WalletError(ErrorCode.MALFORMED, message, fields={field: [message]})
