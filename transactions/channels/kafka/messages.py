"""What a message says: "look at this source wallet". docs/kafka.md describes it for other readers.

No message moves money by itself. What a consumer settles stands in the job table; a forged, doubled or late message
makes it look there once more.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import methodcaller

from confluent_kafka import Message

from kit.http.bodies import json_bytes
from wallets.domain.ids import id_read

SCHEMA = 1
#: Where a dead message was first: topic/partition/offset.
ORIGIN = "wallet-origin"
#: Why a message cannot be read, or the last fault of a transfer that was given up.
FAULT = "wallet-fault"
#: Milliseconds of Unix time; the year 5138. Larger numbers are not times.
_TIME_MAX_MS = 10**14
# Through `methodcaller`, and not as `message.headers()`: see `_headers`.
_headers_of = methodcaller("headers")


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
class Look:
    """What a message asks for: to look at a source wallet, now or not before a moment."""

    source_id: int
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A message as it was delivered. `headers` only where they were asked for."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


def incoming(message: Message, *, with_headers: bool = False) -> Incoming:
    """Takes over a message that was delivered without an error."""
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None and partition is not None and offset is not None  # noqa: S101, PT018 - it was delivered
    return Incoming(
        topic=topic,
        partition=partition,
        offset=offset,
        key=_bytes(message.key()),
        value=_bytes(message.value()),
        headers=_headers(message) if with_headers else {},
    )


def look_message(source_id: int, *, topic: str, not_before: datetime | None = None) -> Outgoing:
    """The message that asks consumers to look at a source wallet, now or not before a moment."""
    when = {} if not_before is None else {"not_before_ms": int(not_before.timestamp() * 1_000)}
    value = json_bytes({"schema": SCHEMA, "source": str(source_id), **when})
    return Outgoing(topic=topic, key=str(source_id).encode(), value=value)


def look_read(message: Incoming) -> Look:
    """What the message asks for. A time that is none means now. Raises UnreadableError."""
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
    return Look(source_id=source_id, not_before=_moment(data.get("not_before_ms")))


def _moment(time_ms: object) -> datetime | None:
    if not isinstance(time_ms, int) or not 0 <= time_ms <= _TIME_MAX_MS:
        return None
    return datetime.fromtimestamp(time_ms / 1_000, tz=UTC)


def _headers(message: Message) -> dict[str, bytes]:
    """None at all if one has a name that is not UTF-8.

    confluent-kafka then returns a broken list together with an exception. A plain call would not notice the exception,
    and the process would crash on the list. That is why the consumers, which read what anybody may have written, never
    ask for headers.
    """
    try:
        headers = _headers_of(message) or []
    except (UnicodeDecodeError, SystemError):
        return {}
    pairs = headers.items() if isinstance(headers, dict) else headers
    return {name: value for name, value in pairs if isinstance(value, bytes)}


def _bytes(value: object) -> bytes | None:
    return value if isinstance(value, bytes) else None
