"""A message says where to look, or nothing. No broker is needed for that."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from transactions.channels.kafka.messages import Incoming, Look, UnreadableError, look_message, look_read

_FIELDS: dict[str, Any] = {"schema": 1, "source": "4611686018427387904"}


def delivered(value: bytes | None) -> Incoming:
    return Incoming(topic="topic", partition=0, offset=7, key=None, value=value)


@pytest.mark.parametrize("not_before", [None, datetime(2026, 11, 22, 20, 15, 1, 123_000, tzinfo=UTC)])
def test_what_is_written_is_read_back(not_before: datetime | None) -> None:
    written = look_message(2**62, topic="topic", not_before=not_before)

    assert look_read(delivered(written.value)) == Look(source_id=2**62, not_before=not_before)


def test_a_message_looks_as_documented() -> None:
    written = look_message(2**62, topic="topic", not_before=datetime.fromtimestamp(1_795_464_901.123, tz=UTC))

    assert json.loads(written.value or b"") == {**_FIELDS, "not_before_ms": 1_795_464_901_123}
    assert written.key == b"4611686018427387904"
    assert json.loads(look_message(2**62, topic="topic").value or b"") == _FIELDS


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"schema": "1"},
        {"source": 5},
        {"source": None},
        {"source": "0"},
        {"source": "007"},
        {"source": "-5"},
        {"source": "\u0665"},
        {"source": "9223372036854775808"},
        {"source": "9" * 100_000},
    ],
    ids=lambda change: str(change)[:40],
)
def test_it_refuses(change: dict[str, Any]) -> None:
    with pytest.raises(UnreadableError):
        look_read(delivered(json.dumps({**_FIELDS, **change}).encode()))


@pytest.mark.parametrize("field", sorted(_FIELDS))
def test_it_refuses_a_message_without_a_field(field: str) -> None:
    with pytest.raises(UnreadableError):
        look_read(delivered(json.dumps({name: value for name, value in _FIELDS.items() if name != field}).encode()))


@pytest.mark.parametrize(
    "value",
    [None, b"", b"\xff", b"[]", b"5", b"null", b"[" * 100_000, json.dumps(_FIELDS).encode("utf-16")],
    ids=["nothing", "empty", "no UTF-8", "a list", "a number", "null", "too deep", "UTF-16"],
)
def test_it_refuses_what_is_no_object_of_json_in_utf_8(value: bytes | None) -> None:
    with pytest.raises(UnreadableError):
        look_read(delivered(value))


@pytest.mark.parametrize("time_ms", ["soon", "5", -5, 10**15, 1.5, [], None])
def test_a_time_that_is_none_means_now(time_ms: object) -> None:
    look = look_read(delivered(json.dumps({**_FIELDS, "not_before_ms": time_ms}).encode()))

    assert look == Look(source_id=2**62)
