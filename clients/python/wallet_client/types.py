"""The wallet's answers, as frozen dataclasses. Times are in UTC."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self
from uuid import uuid4

from google.protobuf.timestamp_pb2 import Timestamp

from wallet_proto.v1 import wallet_pb2 as pb


def key_make() -> str:
    """A new, unique idempotency key."""
    return str(uuid4())


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units: Money(1250, "USD") is $12.50. Without a currency it is in the wallet's currency."""

    minor_units: int
    currency: str = ""

    @classmethod
    def from_message(cls, message: pb.Money) -> Self:
        return cls(message.minor_units, message.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """A wallet. `status` is "open", "frozen" or "closed". `version` is the number of its entries."""

    id: str
    owner: str
    status: str
    balance: Money
    version: int
    created_at: datetime

    @classmethod
    def from_message(cls, message: pb.Wallet) -> Self:
        return cls(
            id=message.id,
            owner=message.owner,
            status=pb.WalletStatus.Name(message.status).removeprefix("WALLET_STATUS_").lower(),
            balance=Money.from_message(message.balance),
            version=message.version,
            created_at=_moment(message.created_at),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a transaction: a wallet and its owner's username, which is empty for the recipient of a transfer to
    an email address until it is posted."""

    wallet_id: str
    owner: str

    @classmethod
    def from_message(cls, message: pb.Side) -> Self:
        return cls(wallet_id=message.wallet_id, owner=message.owner)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a transaction failed. `code` is stable."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One movement of money.

    `kind` is "deposit", "withdrawal" or "transfer"; `status` is "pending", "posted" or "failed". A side of None is the
    outside world.
    """

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

    @classmethod
    def from_message(cls, message: pb.Transaction) -> Self:
        return cls(
            id=message.id,
            kind=pb.TransactionKind.Name(message.kind).removeprefix("TRANSACTION_KIND_").lower(),
            status=pb.TransactionStatus.Name(message.status).removeprefix("TRANSACTION_STATUS_").lower(),
            amount=Money.from_message(message.amount),
            source=Side.from_message(message.source) if message.HasField("source") else None,
            destination=Side.from_message(message.destination) if message.HasField("destination") else None,
            memo=message.memo,
            created_at=_moment(message.created_at),
            settled_at=_moment(message.settled_at) if message.HasField("settled_at") else None,
            failure=Failure(code=message.failure.code, detail=message.failure.detail)
            if message.HasField("failure")
            else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The transaction of a request.

    `replayed`: an earlier request with the same key made it, possibly an earlier attempt of the same call whose answer
    was lost.
    """

    transaction: Transaction
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a wallet's history: the signed amount, and the balance after it."""

    sequence: int
    amount: Money
    balance_after: Money
    created_at: datetime
    transaction: Transaction

    @classmethod
    def from_message(cls, message: pb.Entry) -> Self:
        return cls(
            sequence=message.sequence,
            amount=Money.from_message(message.amount),
            balance_after=Money.from_message(message.balance_after),
            created_at=_moment(message.created_at),
            transaction=Transaction.from_message(message.transaction),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Entries, newest first, and the cursors of the older (next) and the newer (previous) page."""

    entries: list[Entry]
    next_cursor: str | None
    previous_cursor: str | None

    @classmethod
    def from_message(cls, message: pb.ListEntriesResponse) -> Self:
        return cls(
            entries=[Entry.from_message(entry) for entry in message.entries],
            next_cursor=message.next_cursor or None,
            previous_cursor=message.previous_cursor or None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTransfer:
    """A transfer to submit, to a `recipient` (a username or email) or to a `destination` (a wallet id).

    If it is given no idempotency key, it gets a new one.
    """

    source: str
    amount: Money
    recipient: str | None = None
    destination: str | None = None
    memo: str = ""
    idempotency_key: str = field(default_factory=key_make)


def _moment(message: Timestamp) -> datetime:
    return message.ToDatetime(tzinfo=UTC)
