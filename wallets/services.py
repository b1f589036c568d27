"""Writes about who holds money: users, wallets and their status."""

from datetime import datetime
from typing import Protocol

import pghistory
from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from kit.cache.protocol import cache_fence, cache_replayed
from kit.db.errors import constraint_violated
from wallets.cache_names import token_name, user_name, wallet_name, wallets_name
from wallets.domain.currencies import CURRENCIES
from wallets.domain.display_names import display_name_canonical, display_name_error
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.ids import ClockError
from wallets.domain.names import email_canonical, skeleton
from wallets.models import ApiToken, OwedWallet, User, Wallet, WalletStatus
from wallets.node_leases import LeaseError
from wallets.sessions.services import browser_sessions_end
from wallets.tokens.services import tokens_revoke_all

#: The currency of the wallet that every new account starts with.
FIRST_CURRENCY = "USD"
#: How many owed wallets one sweep opens.
OWED_SWEPT_MAX = 1_000


class OpenFirst(Protocol):
    """Opens the wallet that an account starts with: `wallet_open_first`, or the gateway's function of that name."""

    def __call__(self, *, owner: User) -> object: ...


def wallet_open_first(*, owner: User) -> None:
    """Opens the wallet that every new account starts with."""
    wallet_open(owner=owner, currency=FIRST_CURRENCY)


def wallet_owe(*, owner: User) -> None:
    """Records that a new account still needs its first wallet, in the transaction that creates the account."""
    OwedWallet.objects.create(owner=owner)


def wallet_owed_open(*, owner_id: int) -> None:
    """Opens the first wallet of an account, if the account still needs one. Raises UNAVAILABLE."""
    with transaction.atomic():
        # Race: the sweep and a web process open the same wallet. With the row lock one waits, and then finds nothing.
        owed = OwedWallet.objects.select_for_update(of=("self",)).select_related("owner").filter(pk=owner_id).first()
        if owed is None:
            return
        try:
            wallet_open_first(owner=owed.owner)
        except WalletError as error:
            # The owner has opened the wallet in the meantime.
            if error.code != ErrorCode.WALLET_EXISTS:
                raise
        owed.delete()


def wallets_owed_sweep() -> int:
    """Opens the wallets that accounts still need because the wallet service was away. Returns how many it opened."""
    owner_ids = list(OwedWallet.objects.order_by("pk").values_list("pk", flat=True)[:OWED_SWEPT_MAX])
    for owner_id in owner_ids:
        wallet_owed_open(owner_id=owner_id)
    return len(owner_ids)


def user_register(
    *,
    username: str,
    email: str,
    password: str,
    is_email_confirmed: bool = False,
    wallet_open_first: OpenFirst = wallet_open_first,
) -> User:
    """Creates an account and its first wallet in one database transaction. Entry points validate the input.

    The address stays unconfirmed, whether or not another account uses it, so that nobody learns who has an account. For
    `is_email_confirmed` the caller vouches for it.

    Raises MALFORMED, naming the field, if the username is taken or looks like another, or a confirmed address is taken.
    """
    confirmed = email if is_email_confirmed else None
    try:
        with transaction.atomic():
            user = User.objects.create_user(username=username, email=confirmed, password=password)
            if confirmed is None:
                EmailAddress.objects.create(user=user, email=email_canonical(email))
            wallet_open_first(owner=user)
    except ValidationError as error:
        raise WalletError(ErrorCode.MALFORMED, " ".join(error.messages), fields=error.message_dict) from error
    return user


def wallet_open(*, owner: User, currency: str) -> Wallet:
    """Opens a new, empty wallet.

    Raises WALLET_EXISTS, MALFORMED for an unknown currency, and UNAVAILABLE if no id can be made.
    """
    return wallet_open_dated(owner=owner, currency=currency, opened_at=None)


def wallet_open_dated(*, owner: User, currency: str, opened_at: datetime | None) -> Wallet:
    """Opens a wallet as `wallet_open` does, as if it had been opened at that time: for the demo's history."""
    if currency not in CURRENCIES:
        raise WalletError(
            ErrorCode.MALFORMED, "Unknown currency.", fields={"currency": ["Must be an ISO 4217 code, such as USD."]}
        )
    try:
        with transaction.atomic():
            # The first wallet in a currency also creates its outside wallet. Of two concurrent calls, one inserts it.
            Wallet.objects.bulk_create(
                [Wallet(id=CURRENCIES[currency].numeric, owner=None, currency=currency)], ignore_conflicts=True
            )
            dates = {} if opened_at is None else {"created_at": opened_at, "updated_at": opened_at}
            wallet = Wallet.objects.create(owner=owner, currency=currency, **dates)
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
    """Freezes a wallet. From the commit on, no money moves in or out. Returns False if it was frozen already.

    Raises NOT_FOUND, PERMISSION_DENIED for the actor's own wallet, and MALFORMED without a reason.
    """
    return _wallet_set_status(wallet_id=wallet_id, status=WalletStatus.FROZEN, actor=actor, reason=reason)


def wallet_reopen(*, wallet_id: int, actor: User, reason: str) -> bool:
    """Reopens a wallet, so that money moves again. Returns False if it was open already.

    Raises NOT_FOUND, PERMISSION_DENIED for the actor's own wallet, and MALFORMED without a reason.
    """
    return _wallet_set_status(wallet_id=wallet_id, status=WalletStatus.OPEN, actor=actor, reason=reason)


def wallet_close(*, wallet_id: int, actor: User, reason: str) -> bool:
    """Closes an empty wallet. Returns False if it was closed already.

    Raises NOT_FOUND, PERMISSION_DENIED for the actor's own wallet, and MALFORMED without a reason or if the wallet
    holds money.
    """
    try:
        return _wallet_set_status(wallet_id=wallet_id, status=WalletStatus.CLOSED, actor=actor, reason=reason)
    except IntegrityError as error:
        if constraint_violated(error) != "wallet_closed_is_empty":
            raise
        message = "Only an empty wallet can be closed."
        raise WalletError(ErrorCode.MALFORMED, message, fields={"status": [message]}) from error


def display_name_set(*, user: User, name: str) -> None:
    """Sets what the user is called; empty: the username. Raises MALFORMED if the name could deceive others."""
    name = display_name_canonical(name)
    error = display_name_error(name) if name else ""
    shape = skeleton(name)
    if not error and shape and User.objects.filter(skeleton=shape).exclude(pk=user.pk).exists():
        error = "This looks like another user's username. Add a last name, for example."
    if error:
        raise WalletError(ErrorCode.MALFORMED, error, fields={"display_name": [error]})
    User.objects.filter(pk=user.pk).update(display_name=name)


def password_changed(*, user: User, spared_session: str | None = None) -> None:
    """Ends what an old password may have authorised: browsers' sessions but the one with this hash of its key, API
    tokens, changes of address that are not confirmed, and the links that confirm them. Call it in the database
    transaction that sets the password, after the change is written.
    """
    EmailAddress.objects.filter(user=user, verified=False).delete()
    browser_sessions_end(user_id=user.pk, spared=spared_session)
    tokens_revoke_all(user=user)
    user_fence(user_id=user.pk)


def user_fence(*, user_id: int) -> None:
    """Announces that the current database transaction changes an account: whether it may sign in, or its password.

    Call it last, after the change is written. A cached token contains a copy of its user, so this fences the user's
    tokens as well.
    """
    # Race: a token that is issued now keeps the old user. FOR UPDATE, which is more than the change itself locks, makes
    # the token's foreign key wait. So the token is either found below, or is committed later and reads the new user.
    User.objects.select_for_update().filter(pk=user_id).first()
    digests = ApiToken.objects.filter(user=user_id).values_list("digest", flat=True)
    cache_fence([user_name(user_id), *map(token_name, digests)])


def _wallet_set_status(*, wallet_id: int, status: WalletStatus, actor: User, reason: str) -> bool:
    """Returns whether this call changed the status. Of two concurrent calls one does, and the trail has one event."""
    if not reason.strip():
        raise WalletError(ErrorCode.MALFORMED, "Give a reason.", fields={"reason": ["Give a reason."]})
    # The trigger that writes the audit trail reads who and why from this context. The UPDATE waits for the row lock:
    # a posting that already holds it finishes first, and the next one sees the new status.
    who = {"actor": actor.pk, "actor_name": actor.get_username(), "reason": reason.strip()}
    with transaction.atomic(), pghistory.context(**who):
        if Wallet.objects.filter(id=wallet_id, owner=actor).exists():
            raise WalletError(ErrorCode.PERMISSION_DENIED, "This is your own wallet. Ask a colleague.")
        changed = Wallet.objects.filter(id=wallet_id, owner__isnull=False).exclude(status=status).update(status=status)
        if not changed and not Wallet.objects.filter(id=wallet_id, owner__isnull=False).exists():
            raise WalletError(ErrorCode.NOT_FOUND, "There is no such wallet.")
        if changed:
            cache_fence([wallet_name(wallet_id)])
        else:
            cache_replayed([wallet_name(wallet_id)])
    return bool(changed)
