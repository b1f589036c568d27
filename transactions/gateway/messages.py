"""Turns the wallet service's messages into what entry points use: wallet views, rows, and response bodies."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from kit.db.deferred import deferred_row
from kit.http.bodies import Body
from transactions.models import Kind, Status, Transaction
from wallet_proto.internal.v1 import internal_pb2 as internal
from wallet_proto.v1 import wallet_pb2 as pb
from wallets.models import User, Wallet, WalletStatus
from wallets.selectors import WalletView


def wallet_view_from_message(wallet: pb.Wallet, *, owner: User) -> WalletView:
    """The view of a wallet that this user owns, at the time of the service's answer."""
    return WalletView(
        id=int(wallet.id),
        owner_id=owner.pk,
        currency=wallet.balance.currency,
        status=_status(wallet),
        balance=wallet.balance.minor_units,
        version=wallet.version,
        created_at=_moment(wallet.created_at),
    )


def wallet_from_message(wallet: pb.Wallet, *, owner: User) -> Wallet:
    """The same wallet as a deferred row, for forms."""
    row = deferred_row(
        Wallet,
        id=int(wallet.id),
        owner_id=owner.pk,
        currency=wallet.balance.currency,
        status=_status(wallet),
        balance=wallet.balance.minor_units,
        version=wallet.version,
        created_at=_moment(wallet.created_at),
    )
    row.owner = owner
    return row


def side_from_message(side: pb.Side, *, currency: str) -> Wallet:
    """One side of a transaction as a deferred row: the wallet's id and its owner's username, and nothing else."""
    row = deferred_row(Wallet, id=int(side.wallet_id), owner_id=None, currency=currency)
    # The service does not disclose the owner's user id.
    row.owner = deferred_row(User, id=None, username=side.owner)
    return row


def transaction_from_message(transaction: pb.Transaction) -> Transaction:
    """A transaction as a deferred row, with both sides and their owners' usernames."""
    currency = transaction.amount.currency
    row = deferred_row(
        Transaction,
        id=int(transaction.id),
        kind=Kind[_word(pb.TransactionKind.Name(transaction.kind), "TRANSACTION_KIND_")],
        status=Status[_word(pb.TransactionStatus.Name(transaction.status), "TRANSACTION_STATUS_")],
        currency=currency,
        amount=transaction.amount.minor_units,
        source_id=None,
        destination_id=None,
        memo=transaction.memo,
        created_at=_moment(transaction.created_at),
        settled_at=_moment(transaction.settled_at) if transaction.HasField("settled_at") else None,
        failure_code=transaction.failure.code,
        by_email=transaction.HasField("destination") and not transaction.destination.owner,
    )
    if transaction.HasField("source"):
        row.source = side_from_message(transaction.source, currency=currency)
    if transaction.HasField("destination"):
        row.destination = side_from_message(transaction.destination, currency=currency)
    return row


def body_from_document(document: internal.Document) -> Body:
    """A response body, which the web process passes on unchanged."""
    return Body(etag=document.etag, content=document.content, packed=document.packed)


def _status(wallet: pb.Wallet) -> str:
    return WalletStatus[_word(pb.WalletStatus.Name(wallet.status), "WALLET_STATUS_")].value


def _word(name: str, prefix: str) -> str:
    return name.removeprefix(prefix)


def _moment(moment: Timestamp) -> datetime:
    return moment.ToDatetime(tzinfo=UTC)
