"""A message as a consumer got it: where it comes from, what it says, how often it met a fault."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from confluent_kafka import Message

from transactions.ledger.commands import Command

#: The header that joins a consumer's log lines to those of the request; it is called as in HTTP.
REQUEST_ID = "x-request-id"
#: How often settling this transfer met a fault.
ATTEMPTS = "wallet-attempts"
#: Not before this moment, in milliseconds of Unix time, it is to be tried again.
NOT_BEFORE = "wallet-not-before"
#: Where it lay first: topic, partition and offset.
ORIGIN = "wallet-origin"
#: What it met last, or why nobody can read it.
FAULT = "wallet-fault"
_ATTEMPTS_MAX = 32_767
#: Longer ones are none of ours, and would not fit beside the message when it is put elsewhere.
_DIGITS_MAX = 14
_ORIGIN_MAX = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """`command` is what the message asks for; None where nobody can read it, and `unreadable` says why."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes] = field(default_factory=dict)
    command: Command | None = None
    unreadable: str = ""

    @property
    def place(self) -> tuple[str, int]:
        return self.topic, self.partition

    @property
    def attempts(self) -> int:
        return min(_number(self.headers.get(ATTEMPTS)) or 0, _ATTEMPTS_MAX)

    @property
    def not_before(self) -> datetime | None:
        moment_ms = _number(self.headers.get(NOT_BEFORE))
        return None if moment_ms is None else datetime.fromtimestamp(moment_ms / 1_000, tz=UTC)

    @property
    def origin(self) -> str:
        first = self.headers.get(ORIGIN)
        return first[:_ORIGIN_MAX].decode(errors="replace") if first else f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def request_id(self) -> str | None:
        request_id = self.headers.get(REQUEST_ID)
        return request_id.decode(errors="replace") if request_id else None


def delivery_of(message: Message) -> Delivery:
    """Takes over what a message holds; what it asks for is read later."""
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None and partition is not None and offset is not None  # noqa: S101, PT018 - it was delivered
    return Delivery(
        topic=topic,
        partition=partition,
        offset=offset,
        key=_bytes(message.key()),
        value=_bytes(message.value()),
        headers={name: value for name, value in _headers(message) if isinstance(value, bytes)},
    )


def _number(digits: bytes | None) -> int | None:
    return int(digits) if digits and digits.isdigit() and len(digits) <= _DIGITS_MAX else None


def _headers(message: Message) -> Sequence[tuple[str, object]]:
    headers = message.headers() or []
    return list(headers.items()) if isinstance(headers, dict) else headers


def _bytes(value: object) -> bytes | None:
    return value if isinstance(value, bytes) else None
