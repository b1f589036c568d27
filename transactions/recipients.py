"""Resolves a transfer request to its two wallets. Every entry point uses this module."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db import connection

from kit.db.deferred import deferred_row
from transactions.ledger.arrays import array_literal, ids_fitting
from transactions.models import Kind, Transaction
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.names import name_canonical
from wallets.domain.spending import Spending
from wallets.domain.text import text_storable
from wallets.models import User, Wallet
from wallets.models.spending import SPENDING_SQL, spending_parse

# Written as SQL, because for a single transfer the ORM takes longer to build this query than Postgres to answer it.
_WALLETS_SQL = f"""
SELECT w.id, w.currency, w.status, w.owner_id, o.username, {SPENDING_SQL} FROM wallets_wallet AS w
JOIN wallets_user AS o ON o.id = w.owner_id WHERE w.id = ANY(%s::bigint[])
"""  # noqa: S608 - it contains names of columns only
_RECIPIENTS_SQL = """
SELECT u.id, u.username, u.email, w.id, w.currency, w.status
FROM wallets_user AS u LEFT JOIN wallets_wallet AS w ON w.owner_id = u.id
WHERE u.is_active AND (u.username = ANY(%s::text[]) OR u.email = ANY(%s::text[]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRequest:
    """A transfer as its sender states it: from their wallet `source_id` either to the wallet `destination_id` or to a
    `recipient`, named by username or confirmed email address. `transfers_resolve` checks that exactly one of the two is
    given. `amount` is in minor units."""

    source_id: int
    destination_id: int | None = None
    recipient: str | None = None
    amount: int
    memo: str = ""
    idempotency_key: str | None = None

    @property
    def by_email(self) -> bool:
        return self.recipient is not None and "@" in name_canonical(self.recipient)


@dataclass(slots=True, kw_only=True)
class TransferSides:
    """The two wallets of a transfer, read without a lock: owner, currency and status are loaded. So are the spending
    limits of the source, if the request named it."""

    source: Wallet
    destination: Wallet
    spending: Spending | None = None


@dataclass(slots=True)
class _Recipients:
    """The active users that the requests name, and their wallets by (name in the request, currency)."""

    names: set[str] = field(default_factory=set)
    wallets: dict[tuple[str, str], Wallet] = field(default_factory=dict)


def transfers_resolve(*, actor: User, requests: Sequence[TransferRequest]) -> list[TransferSides | WalletError]:
    """The wallets of each request, or its error, in order. Makes at most three queries.

    The errors: NOT_FOUND if the source is not the actor's or the destination does not exist, MALFORMED unless exactly
    one of destination and recipient is given, RECIPIENT_NOT_FOUND. The detail of the last one says whether the username
    or only the wallet is missing, because usernames are public. For an email address it does not reveal whether an
    account uses the address.
    """
    wallets, limited = _wallets_load(requests)
    recipients = _recipients_load(requests)
    resolved = [_resolve(actor, request, wallets, recipients) for request in requests]
    for sides in resolved if limited else ():
        if isinstance(sides, TransferSides):
            sides.spending = limited.get(sides.source.id)
    return _replays_resolve(actor, requests, resolved)


def transfer_resolve(*, actor: User, request: TransferRequest) -> TransferSides:
    """The wallets of one request. Raises WalletError, as above."""
    resolved = transfers_resolve(actor=actor, requests=[request])[0]
    if isinstance(resolved, WalletError):
        raise resolved
    return resolved


def _resolve(
    actor: User, request: TransferRequest, wallets: Mapping[int, Wallet], recipients: _Recipients
) -> TransferSides | WalletError:
    source = wallets.get(request.source_id)
    if source is None or source.owner_id != actor.pk:
        return WalletError(ErrorCode.NOT_FOUND, "You have no such wallet.")
    if (request.destination_id is None) == (request.recipient is None):
        message = "Give either a destination or a recipient."
        return WalletError(ErrorCode.MALFORMED, message, fields={"destination": [message], "recipient": [message]})
    if request.recipient is None:
        destination = wallets.get(request.destination_id or 0)
        if destination is None:
            return WalletError(ErrorCode.NOT_FOUND, "The destination wallet does not exist.")
        return TransferSides(source=source, destination=destination)
    name = name_canonical(request.recipient)
    destination = recipients.wallets.get((name, source.currency))
    if destination is None:
        return _recipient_error(name, source.currency, recipients)
    return TransferSides(source=source, destination=destination)


def _recipient_error(name: str, currency: str, recipients: _Recipients) -> WalletError:
    if "@" in name:
        # The same answer for an unknown address and for an account without this wallet: it must not reveal accounts.
        detail = f"This email cannot receive {currency}. Check it, or ask for the username."
    elif name in recipients.names:
        detail = f"{name} has no wallet in {currency}."
    else:
        detail = f"There is no user {name}. Check the spelling."
    return WalletError(ErrorCode.RECIPIENT_NOT_FOUND, detail)


def _replays_resolve(
    actor: User, requests: Sequence[TransferRequest], resolved: list[TransferSides | WalletError]
) -> list[TransferSides | WalletError]:
    """Resolves replays whose recipient is no longer found, because they closed the account or changed the name. A
    replay still gets the first answer."""
    lost = {
        request.idempotency_key: place
        for place, (request, sides) in enumerate(zip(requests, resolved, strict=True))
        if request.idempotency_key and isinstance(sides, WalletError) and sides.code == ErrorCode.RECIPIENT_NOT_FOUND
    }
    if not lost:
        return resolved
    made = Transaction.objects.filter(initiator=actor, idempotency_key__in=list(lost), kind=Kind.TRANSFER)
    for transaction in made.select_related("source__owner", "destination__owner"):
        source, destination = transaction.source, transaction.destination
        place = lost[transaction.idempotency_key or ""]
        if source and destination and source.id == requests[place].source_id:
            resolved[place] = TransferSides(source=source, destination=destination)
    return resolved


def _wallets_load(requests: Iterable[TransferRequest]) -> tuple[dict[int, Wallet], dict[int, Spending | None]]:
    """The wallets that the requests name by id, and the limits of those that have some. The join leaves out the outside
    wallets, which have no owner: nobody may send to them."""
    ids = {id_ for request in requests for id_ in (request.source_id, request.destination_id) if id_ is not None}
    with connection.cursor() as cursor:
        cursor.execute(_WALLETS_SQL, [array_literal(ids_fitting(ids), of="bigint")])
        rows = cursor.fetchall()
    limited = {row[0]: spending_parse(row[-1]) for row in rows if row[-1] is not None}
    return {row[0]: _wallet(*row[:-1]) for row in rows}, limited


def _recipients_load(requests: Iterable[TransferRequest]) -> _Recipients:
    names = {name_canonical(request.recipient) for request in requests if request.recipient is not None}
    names = {name for name in names if text_storable(name)}
    recipients = _Recipients()
    if not names:
        return recipients
    emails = {name for name in names if "@" in name}
    columns = [array_literal(wanted, of="text") for wanted in (names - emails, emails)]
    with connection.cursor() as cursor:
        cursor.execute(_RECIPIENTS_SQL, columns)
        for owner_id, username, email, wallet_id, currency, status in cursor.fetchall():
            for name in {username, email} & names:
                recipients.names.add(name)
                if wallet_id is not None:
                    recipients.wallets[name, currency] = _wallet(wallet_id, currency, status, owner_id, username)
    return recipients


def _wallet(wallet_id: int, currency: str, status: str, owner_id: int, owner_name: str) -> Wallet:
    wallet = deferred_row(Wallet, id=wallet_id, currency=currency, status=status, owner_id=owner_id)
    wallet.owner = deferred_row(User, id=owner_id, username=owner_name)
    return wallet
