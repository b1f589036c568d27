"""What a message says: "look at this source wallet". docs/kafka.md describes it for other readers.

No message moves money by itself. What a consumer settles stands in the job table; a forged, doubled or late message
makes it look there once more.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from confluent_kafka import Message

from kit.http.bodies import json_bytes
from wallets.domain.ids import id_read

SCHEMA = 1
#: Milliseconds of Unix time before which a look finds nothing, because the job waits for its retry.
NOT_BEFORE = "wallet-not-before"
#: Where a dead message was first: topic/partition/offset.
ORIGIN = "wallet-origin"
#: Why nobody can read a message, or the last fault of a transfer that was given up.
FAULT = "wallet-fault"
#: Longer numbers are not times.
_DIGITS_MAX = 14


class UnreadableError(ValueError):
    """Nobody can read this message; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message to send. `key` decides its partition."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A message as it was delivered."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def not_before(self) -> datetime | None:
        digits = self.headers.get(NOT_BEFORE, b"")
        if not digits.isdigit() or len(digits) > _DIGITS_MAX:
            return None
        return datetime.fromtimestamp(int(digits) / 1_000, tz=UTC)


def incoming(message: Message) -> Incoming:
    """Takes over a message that was delivered without an error."""
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None and partition is not None and offset is not None  # noqa: S101, PT018 - it was delivered
    return Incoming(
        topic=topic,
        partition=partition,
        offset=offset,
        key=_bytes(message.key()),
        value=_bytes(message.value()),
        headers=_headers(message),
    )


def look_message(source_id: int, *, topic: str, not_before: datetime | None = None) -> Outgoing:
    """The message that asks consumers to look at a source wallet, now or not before a moment."""
    headers = [] if not_before is None else [(NOT_BEFORE, str(int(not_before.timestamp() * 1_000)).encode())]
    value = json_bytes({"schema": SCHEMA, "source": str(source_id)})
    return Outgoing(topic=topic, key=str(source_id).encode(), value=value, headers=headers)


def look_read(message: Incoming) -> int:
    """The id of the source wallet that the message names. Raises UnreadableError."""
    try:
        # Decoded first, because json itself would take UTF-16 as well.
        data = json.loads((message.value or b"").decode())
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"It is not JSON: {error}") from error
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise UnreadableError(f"It is not a message of schema {SCHEMA}.")
    source = data.get("source")
    source_id = id_read(source) if isinstance(source, str) else None
    if source_id is None:
        raise UnreadableError("It names no wallet.")
    return source_id


def _headers(message: Message) -> dict[str, bytes]:
    """None at all if one has a name that is not UTF-8, which confluent-kafka cannot decode."""
    try:
        headers = message.headers() or []
    except (UnicodeDecodeError, SystemError):
        return {}
    pairs = headers.items() if isinstance(headers, dict) else headers
    return {name: value for name, value in pairs if isinstance(value, bytes)}


def _bytes(value: object) -> bytes | None:
    return value if isinstance(value, bytes) else None
