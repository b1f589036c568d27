"""Turns wallets, transactions and entries into messages, from the data of `transactions.contract`."""

from google.protobuf.timestamp_pb2 import Timestamp

from transactions.contract import Data, moment_of, transaction_data
from transactions.models import Transaction
from transactions.reads import HistoryPage
from wallet_proto.v1 import wallet_pb2 as pb
from wallets.selectors import WalletView


def wallet_message(view: WalletView, *, owner: str) -> pb.Wallet:
    """The message of a wallet, for its owner."""
    created_at = Timestamp()
    created_at.FromDatetime(view.created_at)
    return pb.Wallet(
        id=str(view.id),
        owner=owner,
        status=_wallet_status(view.status),
        balance=pb.Money(minor_units=view.balance, currency=view.currency),
        version=view.version,
        created_at=created_at,
    )


def wallet_differs(message: pb.Wallet, view: WalletView) -> bool:
    """Whether the wallet has changed since this message was made."""
    return (message.version, pb.WalletStatus.Name(message.status)) != (view.version, _wallet_status(view.status))


def transaction_message(transaction: Transaction) -> pb.Transaction:
    """The message of a transaction whose sides and their owners are loaded."""
    return _transaction(transaction_data(transaction))


def history_message(page: HistoryPage, *, currency: str) -> pb.ListEntriesResponse:
    """The message of a page of history; `currency` is the wallet's."""
    return pb.ListEntriesResponse(
        entries=[_entry(entry, currency) for entry in page.entries],
        next_cursor=page.next or "",
        previous_cursor=page.previous or "",
    )


def _wallet_status(status: str) -> str:
    return f"WALLET_STATUS_{status.upper()}"


def _entry(data: Data, currency: str) -> pb.Entry:
    return pb.Entry(
        sequence=data["sequence"],
        amount=pb.Money(minor_units=data["amount"], currency=currency),
        balance_after=pb.Money(minor_units=data["balance_after"], currency=currency),
        created_at=_moment(data["created_at"]),
        transaction=_transaction(data["transaction"]),
    )


def _transaction(data: Data) -> pb.Transaction:
    return pb.Transaction(
        id=data["id"],
        kind=f"TRANSACTION_KIND_{data['kind'].upper()}",
        status=f"TRANSACTION_STATUS_{data['status'].upper()}",
        amount=pb.Money(minor_units=data["amount"], currency=data["currency"]),
        source=_side(data["source"]),
        destination=_side(data["destination"]),
        memo=data["memo"],
        created_at=_moment(data["created_at"]),
        settled_at=_moment(data["settled_at"]) if data["settled_at"] else None,
        failure=pb.Failure(**data["failure"]) if data["failure"] else None,
    )


def _side(data: Data | None) -> pb.Side | None:
    return pb.Side(wallet_id=data["wallet"], owner=data["owner"]) if data else None


def _moment(text: str) -> Timestamp:
    moment = Timestamp()
    moment.FromDatetime(moment_of(text))
    return moment
