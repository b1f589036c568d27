"""Events as Kafka messages. docs/events.md documents the format for consumers."""

from dataclasses import dataclass

from kit.http.bodies import json_bytes, moment_text
from transactions.contract import Data
from transactions.events.outbox import Event
from wallets.domain.errors import CATALOGUE, ErrorCode

#: The version of the format. It changes if a consumer of the old format could misread the new one, so not for a new
#: field.
SCHEMA = 1
HEADERS: dict[str, str | bytes | None] = {"content-type": "application/json", "schema": str(SCHEMA)}


@dataclass(frozen=True, slots=True)
class EventMessage:
    """The key and value of a Kafka message.

    `key` is the wallet's id: it decides the partition, which keeps a wallet's events in order.
    """

    key: bytes
    value: bytes


def event_message(event: Event) -> EventMessage:
    data = {
        "schema": SCHEMA,
        "position": event.position,
        "wallet": str(event.wallet_id),
        "transaction": _transaction_data(event),
        "entry": _entry_data(event),
    }
    return EventMessage(key=str(event.wallet_id).encode(), value=json_bytes(data))


def _transaction_data(event: Event) -> Data:
    """The same JSON as `contract.transaction_data`, from columns instead of models. A test compares the two."""
    code = event.failure_code
    return {
        "id": str(event.transaction_id),
        "kind": event.kind,
        "status": event.status,
        "amount": event.amount,
        "currency": event.currency,
        "source": _side_data(event.source_id, event.source_owner),
        "destination": _side_data(event.destination_id, event.destination_owner),
        "memo": event.memo,
        "created_at": moment_text(event.created_at),
        "settled_at": moment_text(event.settled_at),
        "failure": {"code": code, "detail": CATALOGUE[ErrorCode(code)].title} if code else None,
    }


def _side_data(wallet_id: int | None, owner: str | None) -> Data | None:
    return None if wallet_id is None else {"wallet": str(wallet_id), "owner": owner}


def _entry_data(event: Event) -> Data | None:
    """The same JSON as `contract.entry_data`, without the transaction; None if the transaction failed."""
    if event.entry_created_at is None:
        return None
    return {
        "sequence": event.entry_sequence,
        "amount": event.entry_amount,
        "balance_after": event.entry_balance_after,
        "created_at": moment_text(event.entry_created_at),
    }
