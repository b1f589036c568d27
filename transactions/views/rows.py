"""The rows of a list of transactions: entries and unposted transfers as rows, and rows grouped by day."""

import datetime
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone

from transactions.contract import Data, moment_of
from transactions.models import Kind, Status, Transaction
from wallets.models import Wallet

#: Kind → (title, icon) of transactions with the outside world.
OUTSIDE = {
    Kind.DEPOSIT: ("Money added", "arrow-down-to-line"),
    Kind.WITHDRAWAL: ("Money withdrawn", "arrow-up-from-line"),
}
#: Stands for the recipient of a transfer to an email, whose username the sender does not learn before it is posted.
BY_EMAIL = "Recipient by email"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One transaction as the wallet's owner sees it. `person` is the other side's username, empty for the outside
    world. `amount` is signed, in minor units.

    `balance_after` is None for a pending or failed transfer, because no money has moved.
    """

    transaction_id: int
    status: Status
    title: str
    person: str
    icon: str
    verb: str
    memo: str
    amount: int
    currency: str
    balance_after: int | None
    at: datetime.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The rows of one day. `continued`: an earlier part of the list has already shown the date."""

    date: datetime.date
    rows: list[Row]
    continued: bool


def row_of(entry: Data) -> Row:
    """The row of an entry."""
    transaction = entry["transaction"]
    person = _person(transaction["source" if entry["amount"] > 0 else "destination"])
    title, icon = OUTSIDE.get(Kind(transaction["kind"]), (person, ""))
    return Row(
        transaction_id=int(transaction["id"]),
        status=Status.POSTED,
        title=title,
        person=person,
        icon=icon,
        verb=("Received" if entry["amount"] > 0 else "Sent") if person else "",
        memo=transaction["memo"],
        amount=entry["amount"],
        currency=transaction["currency"],
        balance_after=entry["balance_after"],
        at=moment_of(entry["created_at"]),
    )


def unposted_row_of(transaction: Data) -> Row:
    """The row of an outgoing transfer that is pending or has failed."""
    person = _person(transaction["destination"])
    return Row(
        transaction_id=int(transaction["id"]),
        status=Status(transaction["status"]),
        title=person or BY_EMAIL,
        person=person,
        icon="" if person else "mail",
        verb="Transfer",
        memo=transaction["memo"],
        amount=-transaction["amount"],
        currency=transaction["currency"],
        balance_after=None,
        at=moment_of(transaction["settled_at"] or transaction["created_at"]),
    )


def days_of(rows: Sequence[Row], *, after: datetime.date | None = None) -> list[Day]:
    """Groups rows by day in the current time zone. `after` is the last day that the page already shows."""
    return [
        Day(date=date, rows=list(group), continued=date == after)
        for date, group in itertools.groupby(rows, key=lambda row: timezone.localtime(row.at).date())
    ]


def people_of(entries: Sequence[Data], *, limit: int) -> list[str]:
    """The usernames that this wallet paid last, newest first, without repetitions."""
    paid = (_person(entry["transaction"]["destination"]) for entry in entries if entry["amount"] < 0)
    return list(dict.fromkeys(name for name in paid if name))[:limit]


def _person(side: Data | None) -> str:
    """The username of a side's owner; empty for the outside world."""
    return str(side["owner"] or "") if side is not None else ""


def owner_name(wallet: Wallet | None) -> str:
    """The username of a wallet's owner; empty for the outside world."""
    return wallet.owner.username if wallet is not None and wallet.owner is not None else ""


def side_of(transaction: Transaction, *, user_id: int) -> int:
    """-1 if the money left this user's wallet, +1 if it arrived there."""
    source = transaction.source
    return -1 if source is not None and source.owner_id == user_id else 1
