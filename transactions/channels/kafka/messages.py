"""What a message says: a transfer that was accepted, as JSON. docs/kafka.md describes it for other readers.

Strict on reading: two readers must never understand one payment differently, and what is not exactly this is nobody's.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kit.http.bodies import json_bytes, moment_text
from transactions.ledger.commands import Command, Promise
from transactions.ledger.rules import command_error
from transactions.models import Kind

SCHEMA = 1
_INT64_MAX = 2**63 - 1
_FIELDS = {
    *("schema", "id", "kind", "amount", "source", "destination", "initiator", "memo", "idempotency_key"),
    "created_at",
}


class UnreadableError(ValueError):
    """Nobody can read this message; what it says is why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message to be published. `key` decides its partition; messages with one key stay in order."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


def transfer_encode(command: Command) -> bytes:
    """The message of an accepted transfer, which has its id."""
    promised = command.promised
    assert promised is not None  # noqa: S101 - what is published was accepted, under an id
    return json_bytes(
        {
            "schema": SCHEMA,
            "id": str(promised.id),
            "kind": command.kind,
            "amount": command.amount,
            "source": str(command.source_id),
            "destination": str(command.destination_id),
            "initiator": str(command.initiator_id),
            "memo": command.memo,
            "idempotency_key": command.idempotency_key,
            "created_at": moment_text(promised.created_at),
        }
    )


def transfer_decode(value: bytes | None) -> Command:
    """The command of a message. Raises UnreadableError."""
    data = _object(value)
    if type(data.get("schema")) is not int or data["schema"] != SCHEMA:
        raise UnreadableError(f"Its schema is {data.get('schema')!r}, and only {SCHEMA} is known here.")
    if data.keys() != _FIELDS:
        raise UnreadableError(f"These fields are missing or unknown: {', '.join(sorted(data.keys() ^ _FIELDS))}.")
    if data["kind"] != Kind.TRANSFER:
        raise UnreadableError("It is no transfer.")
    command = Command(
        kind=Kind.TRANSFER,
        amount=_typed(data, "amount", int),
        source_id=_id(data, "source"),
        destination_id=_id(data, "destination"),
        initiator_id=_id(data, "initiator"),
        memo=_typed(data, "memo", str),
        idempotency_key=None if data["idempotency_key"] is None else _typed(data, "idempotency_key", str),
        promised=Promise(id=_id(data, "id"), created_at=_moment(data)),
    )
    error = command_error(command)
    if error:
        raise UnreadableError(str(error))
    return command


def source_key(command: Command) -> bytes:
    """Under which key a transfer is published: those of one wallet go through one partition, in order."""
    return str(command.source_id).encode()


def _object(value: bytes | None) -> dict[str, Any]:
    try:
        # Decoded here: json would take UTF-16 as well.
        data = json.loads((value or b"").decode(), object_pairs_hook=_pairs)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"It is no JSON: {error}") from error
    if not isinstance(data, dict):
        raise UnreadableError("It is no JSON object.")
    return data


def _pairs(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        raise UnreadableError("A field is repeated.")
    return data


def _typed(data: Mapping[str, Any], field: str, type_: type[Any]) -> Any:
    # Exactly this type: True is an int to Python.
    if type(data[field]) is not type_:
        raise UnreadableError(f"Its {field} is no {type_.__name__}.")
    return data[field]


def _id(data: Mapping[str, Any], field: str) -> int:
    """Ids are texts of digits, written as we write them."""
    text: str = _typed(data, field, str)
    if not (text.isascii() and text.isdigit() and len(text) < 20 and str(int(text)) == text):
        raise UnreadableError(f"Its {field} is no id.")
    if not 0 < int(text) <= _INT64_MAX:
        raise UnreadableError(f"Its {field} is no id.")
    return int(text)


def _moment(data: Mapping[str, Any]) -> datetime:
    try:
        moment = datetime.fromisoformat(_typed(data, "created_at", str))
        if moment.tzinfo is None:
            raise UnreadableError("Its created_at has no time zone.")
        # Or Postgres could be given a year that Python cannot read back.
        return moment.astimezone(UTC)
    except UnreadableError:
        raise
    except (ValueError, OverflowError) as error:
        raise UnreadableError("Its created_at is no time.") from error
