"""What the wallet answers, as frozen dataclasses. Times are in UTC."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from google.protobuf.timestamp_pb2 import Timestamp

from wallet_proto.v1 import wallet_pb2 as pb


def key_make() -> str:
    """An idempotency key that nobody else has."""
    return str(uuid4())


@dataclass(frozen=True, slots=True)
class Money:
    """Units of the currency's smallest denomination: Money(1250, "USD") is $12.50. Without a currency: the wallet's."""

    minor_units: int
    currency: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """A wallet; `status` is "open", "frozen" or "closed". `version` grows by one with each movement."""

    id: str
    owner: str
    status: str
    balance: Money
    version: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a transaction."""

    wallet_id: str
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a transaction failed; `code` is stable."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """A movement of money; `kind` is "deposit", "withdrawal" or "transfer", `status` "pending", "posted" or "failed". A
    side that is None is the outside world."""

    id: str
    kind: str
    status: str
    amount: Money
    source: Side | None
    destination: Side | None
    memo: str
    created_at: datetime
    settled_at: datetime | None
    failure: Failure | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A transaction that was asked for; `replayed` where an earlier request under the same key made it, be it an
    earlier attempt of the same call whose answer was lost."""

    transaction: Transaction
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a wallet's history: the signed amount, and the balance that it left."""

    sequence: int
    amount: Money
    balance_after: Money
    created_at: datetime
    transaction: Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Entries, newest first, and the cursors of the older and the newer page."""

    entries: list[Entry]
    next_cursor: str | None
    previous_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTransfer:
    """A transfer to submit, to a `recipient` or to a `destination` wallet. Its key is made with it, once."""

    source: str
    amount: Money
    recipient: str | None = None
    destination: str | None = None
    memo: str = ""
    idempotency_key: str = field(default_factory=key_make)


def money_of(message: pb.Money) -> Money:
    return Money(message.minor_units, message.currency)


def wallet_of(message: pb.Wallet) -> Wallet:
    return Wallet(
        id=message.id,
        owner=message.owner,
        status=pb.WalletStatus.Name(message.status).removeprefix("WALLET_STATUS_").lower(),
        balance=money_of(message.balance),
        version=message.version,
        created_at=_moment(message.created_at),
    )


def transaction_of(message: pb.Transaction) -> Transaction:
    return Transaction(
        id=message.id,
        kind=pb.TransactionKind.Name(message.kind).removeprefix("TRANSACTION_KIND_").lower(),
        status=pb.TransactionStatus.Name(message.status).removeprefix("TRANSACTION_STATUS_").lower(),
        amount=money_of(message.amount),
        source=_side(message.source) if message.HasField("source") else None,
        destination=_side(message.destination) if message.HasField("destination") else None,
        memo=message.memo,
        created_at=_moment(message.created_at),
        settled_at=_moment(message.settled_at) if message.HasField("settled_at") else None,
        failure=Failure(code=message.failure.code, detail=message.failure.detail)
        if message.HasField("failure")
        else None,
    )


def entry_of(message: pb.Entry) -> Entry:
    return Entry(
        sequence=message.sequence,
        amount=money_of(message.amount),
        balance_after=money_of(message.balance_after),
        created_at=_moment(message.created_at),
        transaction=transaction_of(message.transaction),
    )


def page_of(message: pb.ListEntriesResponse) -> Page:
    return Page(
        entries=[entry_of(entry) for entry in message.entries],
        next_cursor=message.next_cursor or None,
        previous_cursor=message.previous_cursor or None,
    )


def _side(message: pb.Side) -> Side:
    return Side(wallet_id=message.wallet_id, owner=message.owner)


def _moment(message: Timestamp) -> datetime:
    return message.ToDatetime(tzinfo=UTC)
