"""From which wallet to which: who is meant by the words of a request, for one transfer or a thousand alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Q

from kit.db.partial import row_of_columns
from transactions.ledger.arrays import array_literal, ids_fitting
from transactions.models import Kind, Transaction
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.text import text_storable
from wallets.models import User, Wallet

# As text: for a single transfer the ORM takes longer to say this than Postgres to answer it.
_WALLETS_SQL = """
SELECT w.id, w.currency, w.status, w.owner_id, o.username FROM wallets_wallet AS w
JOIN wallets_user AS o ON o.id = w.owner_id WHERE w.id = ANY(%s::bigint[])
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRequest:
    """A transfer as its sender puts it: from the own wallet `source_id` to a wallet, or to a `recipient` by username
    or e-mail address; exactly one of the two is given. `amount` in minor units."""

    source_id: int
    destination_id: int | None = None
    recipient: str | None = None
    amount: int
    memo: str = ""
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The two wallets of a transfer, read without a lock: who owns them, currency and status."""

    source: Wallet
    destination: Wallet


def routes_find(*, actor: User, requests: Sequence[TransferRequest]) -> list[Route | WalletError]:
    """The wallets of each request, in order, or why there are none. Three queries at the most."""
    wallets = _wallets(requests)
    named = _named(requests)
    routes = [_route(actor, request, wallets, named) for request in requests]
    return _replayed(actor, requests, routes)


def _route(
    actor: User,
    request: TransferRequest,
    wallets: Mapping[int, Wallet],
    named: Mapping[tuple[str, str], Wallet | None],
) -> Route | WalletError:
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
        return Route(source=source, destination=destination)
    name = _normal(request.recipient)
    if (name, "") not in named:
        return WalletError(ErrorCode.RECIPIENT_NOT_FOUND, "There is nobody with this username or e-mail address.")
    destination = named.get((name, source.currency))
    if destination is None:
        return WalletError(ErrorCode.RECIPIENT_NOT_FOUND, f"{request.recipient} has no wallet in {source.currency}.")
    return Route(source=source, destination=destination)


def _replayed(
    actor: User, requests: Sequence[TransferRequest], routes: list[Route | WalletError]
) -> list[Route | WalletError]:
    """The routes once more, those of replays to somebody who is not found any more included.

    Whoever was paid may have left, or changed their name, since: the same request still gets its first answer.
    """
    lost = {
        request.idempotency_key: place
        for place, (request, route) in enumerate(zip(requests, routes, strict=True))
        if request.idempotency_key and isinstance(route, WalletError) and route.code == ErrorCode.RECIPIENT_NOT_FOUND
    }
    if not lost:
        return routes
    made = Transaction.objects.filter(initiator=actor, idempotency_key__in=list(lost), kind=Kind.TRANSFER)
    for transaction in made.select_related("source__owner", "destination__owner"):
        source, destination = transaction.source, transaction.destination
        place = lost[transaction.idempotency_key or ""]
        if source and destination and source.id == requests[place].source_id:
            routes[place] = Route(source=source, destination=destination)
    return routes


def _wallets(requests: Sequence[TransferRequest]) -> dict[int, Wallet]:
    """The wallets that are named by id, save the outside world's, to which nobody sends."""
    ids = {request.source_id for request in requests}
    ids |= {request.destination_id for request in requests if request.destination_id is not None}
    with connection.cursor() as cursor:
        cursor.execute(_WALLETS_SQL, [array_literal(ids_fitting(ids), of="bigint")])
        return {row[0]: _wallet(*row) for row in cursor.fetchall()}


def _wallet(wallet_id: int, currency: str, status: str, owner_id: int, owner_name: str) -> Wallet:
    wallet = row_of_columns(Wallet, id=wallet_id, currency=currency, status=status, owner_id=owner_id)
    wallet.owner = row_of_columns(User, id=owner_id, username=owner_name)
    return wallet


def _named(requests: Sequence[TransferRequest]) -> dict[tuple[str, str], Wallet | None]:
    """Active recipients' wallets by (name as asked, currency); under (name, "") that somebody has this name."""
    names = {_normal(request.recipient) for request in requests if request.recipient is not None}
    names = {name for name in names if text_storable(name)}
    if not names:
        return {}
    emails = {name for name in names if "@" in name}
    people = User.objects.filter(Q(username__in=names - emails) | Q(email__in=emails), is_active=True)
    found: dict[tuple[str, str], Wallet | None] = {}
    for wallet in Wallet.objects.filter(owner__in=people).select_related("owner"):
        assert wallet.owner is not None  # noqa: S101 - the query asks for owners
        for name in {wallet.owner.username, wallet.owner.email} & names:
            found[name, wallet.currency] = wallet
            found[name, ""] = None
    return found


def _normal(name: str) -> str:
    return name.strip().lower()
