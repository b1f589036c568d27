"""Transactions and entries as JSON of the REST contract, and back.

Written by hand, because serializers take much longer for a page of history. The serializers describe the same shapes
in the schema; a test compares the two.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from kit.db.deferred import deferred_row
from kit.http.bodies import json_bytes, moment_text
from transactions.models import Entry, Transaction
from wallets.domain.errors import CATALOGUE, ErrorCode
from wallets.models import User, Wallet

#: A JSON object of the REST contract.
Data = dict[str, Any]


def transaction_data(transaction: Transaction) -> Data:
    """The transaction as JSON. Its sides and their owners must be loaded."""
    return {
        "id": str(transaction.pk),
        "kind": transaction.kind,
        "status": transaction.status,
        "amount": transaction.amount,
        "currency": transaction.currency,
        "source": _side_data(transaction.source),
        "destination": _side_data(transaction.destination, is_hidden=transaction.is_recipient_hidden),
        "memo": transaction.memo,
        "created_at": moment_text(transaction.created_at),
        "settled_at": moment_text(transaction.settled_at) if transaction.settled_at else None,
        "failure": failure_data(transaction.failure_code),
    }


def entry_data(entry: Entry) -> Data:
    """The entry as JSON. Its transaction, the sides and their owners must be loaded."""
    return {
        "sequence": entry.sequence,
        "amount": entry.amount,
        "balance_after": entry.balance_after,
        "created_at": moment_text(entry.created_at),
        "transaction": transaction_data(entry.transaction),
    }


def transaction_from_json(data: Data, *, owner_ids: Sequence[int | None]) -> Transaction:
    """The transaction that `transaction_data` wrote. `owner_ids`: the user ids of its source and destination."""
    transaction = deferred_row(
        Transaction,
        id=int(data["id"]),
        kind=data["kind"],
        status=data["status"],
        amount=data["amount"],
        currency=data["currency"],
        source_id=None,
        destination_id=None,
        memo=data["memo"],
        created_at=moment_of(data["created_at"]),
        settled_at=moment_of(data["settled_at"]) if data["settled_at"] else None,
        failure_code=data["failure"]["code"] if data["failure"] else "",
        by_email=data["destination"] is not None and data["destination"]["owner"] is None,
    )
    source_owner_id, destination_owner_id = owner_ids
    transaction.source = _side_of(data["source"], source_owner_id, transaction.currency)
    transaction.destination = _side_of(data["destination"], destination_owner_id, transaction.currency)
    return transaction


def transaction_dump(transaction: Transaction) -> bytes:
    """The transaction as it is stored in Redis. Its sides and their owners must be loaded.

    The first line holds the owners of the two sides, who may see it; the second line is the JSON that both see.
    """
    owner_ids = [side.owner_id if side is not None else None for side in (transaction.source, transaction.destination)]
    return json_bytes(owner_ids) + b"\n" + json_bytes(transaction_data(transaction))


def moment_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _side_data(wallet: Wallet | None, *, is_hidden: bool = False) -> Data | None:
    if wallet is None:
        return None
    assert wallet.owner is not None  # noqa: S101 - the outside world is a side of None, not a wallet
    return {"wallet": str(wallet.pk), "owner": None if is_hidden else wallet.owner.username}


def _side_of(data: Mapping[str, str | None] | None, owner_id: int | None, currency: str) -> Wallet | None:
    if data is None:
        return None
    wallet = deferred_row(Wallet, id=int(data["wallet"] or 0), owner_id=owner_id, currency=currency)
    wallet.owner = deferred_row(User, id=owner_id, username=data["owner"] or "")
    return wallet


def failure_data(code: str) -> Data | None:
    """The reason of a failure as JSON; None for an empty code."""
    return {"code": code, "detail": CATALOGUE[ErrorCode(code)].title} if code else None
