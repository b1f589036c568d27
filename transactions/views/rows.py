"""What a list of movements shows: entries, and transfers that have not moved, as rows; and rows gathered by day."""

import datetime
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone

from transactions.contract import Data, moment_of
from transactions.models import Kind, Status, Transaction
from wallets.models import Wallet

#: Kind → (title, icon) of what has no other person in it.
OUTSIDE = {
    Kind.DEPOSIT: ("Money added", "arrow-down-to-line"),
    Kind.WITHDRAWAL: ("Money withdrawn", "arrow-up-from-line"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One movement as its wallet's owner sees it. `person` is the other side's username, empty for the outside.

    What is pending or failed has moved nothing, and leaves no balance behind.
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
    """The rows of one day; `continued` where an earlier part of the list has named the day already."""

    date: datetime.date
    rows: list[Row]
    continued: bool


def row_of(entry: Data) -> Row:
    """An entry of a person's wallet."""
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
    """A transfer out of a person's wallet that is on its way or has failed."""
    person = _person(transaction["destination"])
    return Row(
        transaction_id=int(transaction["id"]),
        status=Status(transaction["status"]),
        title=person,
        person=person,
        icon="",
        verb="Transfer",
        memo=transaction["memo"],
        amount=-transaction["amount"],
        currency=transaction["currency"],
        balance_after=None,
        at=moment_of(transaction["settled_at"] or transaction["created_at"]),
    )


def days_of(rows: Sequence[Row], *, after: datetime.date | None = None) -> list[Day]:
    """Rows by day of the reader's time zone. `after` is the last day of what stands above on the page."""
    return [
        Day(date=date, rows=list(group), continued=date == after)
        for date, group in itertools.groupby(rows, key=lambda row: timezone.localtime(row.at).date())
    ]


def people_of(entries: Sequence[Data], *, limit: int) -> list[str]:
    """Whom this wallet paid last, each once, newest first."""
    paid = (_person(entry["transaction"]["destination"]) for entry in entries if entry["amount"] < 0)
    return list(dict.fromkeys(name for name in paid if name))[:limit]


def _person(side: Data | None) -> str:
    """Empty for the outside world."""
    return str(side["owner"]) if side is not None else ""


def owner_name(wallet: Wallet | None) -> str:
    """Empty for the outside world."""
    return wallet.owner.username if wallet is not None and wallet.owner is not None else ""


def side_of(transaction: Transaction, *, user_id: int) -> int:
    """-1 where this person's money left, +1 where it arrived."""
    source = transaction.source
    return -1 if source is not None and source.owner_id == user_id else 1
