"""A message says one thing or nothing: what is not exactly one of ours is nobody's. No broker is needed for that."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from transactions.channels.kafka.messages import SCHEMA, UnreadableError, source_key, transfer_decode, transfer_encode
from transactions.ledger.commands import Command, Promise
from transactions.models import Kind

COMMAND = Command(
    kind=Kind.TRANSFER,
    amount=999_999_999_999_999,
    source_id=2**62,
    destination_id=1_001,
    initiator_id=7,
    memo='Zoë "❤"\u2028\\',
    idempotency_key="lunch",
    promised=Promise(id=2**63 - 1, created_at=datetime(2026, 11, 22, 20, 15, 1, 123_456, tzinfo=UTC)),
)
FIELDS: dict[str, Any] = json.loads(transfer_encode(COMMAND))


@pytest.mark.parametrize("command", [COMMAND, replace(COMMAND, idempotency_key=None, memo="")])
def test_what_is_written_is_read_back(command: Command) -> None:
    assert transfer_decode(transfer_encode(command)) == command


def test_a_message_looks_as_documented() -> None:
    assert FIELDS == {
        "schema": SCHEMA,
        "id": "9223372036854775807",
        "kind": "transfer",
        "amount": 999_999_999_999_999,
        "source": "4611686018427387904",
        "destination": "1001",
        "initiator": "7",
        "memo": 'Zoë "❤"\u2028\\',
        "idempotency_key": "lunch",
        "created_at": "2026-11-22T20:15:01.123456Z",
    }
    assert source_key(COMMAND) == b"4611686018427387904"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"schema": 2}, "schema is 2"),
        ({"schema": "1"}, "schema is '1'"),
        ({"schema": True}, "schema is True"),
        ({"tip": 5}, "tip"),
        ({"memo": None}, "memo is no str"),
        ({"memo": "\0"}, "memo"),
        ({"memo": "x" * 201}, "memo"),
        ({"kind": "deposit"}, "no transfer"),
        ({"amount": 0}, "amount"),
        ({"amount": 10**15}, "amount"),
        ({"amount": True}, "amount is no int"),
        ({"amount": 5.0}, "amount is no int"),
        ({"amount": "5"}, "amount is no int"),
        ({"id": 5}, "id is no str"),
        ({"id": "0"}, "id is no id"),
        ({"id": "007"}, "id is no id"),
        ({"id": "-5"}, "id is no id"),
        ({"id": "\u0665"}, "id is no id"),
        ({"id": "9223372036854775808"}, "id is no id"),
        ({"source": "1001"}, "itself"),
        ({"initiator": ""}, "initiator is no id"),
        ({"idempotency_key": ""}, "idempotency key"),
        ({"idempotency_key": "two words"}, "idempotency key"),
        ({"created_at": "yesterday"}, "no time"),
        ({"created_at": "2026-11-22T20:15:01"}, "time zone"),
        ({"created_at": "0001-01-01T00:00:00+01:00"}, "no time"),
        ({"created_at": "9999-12-31T23:59:59-01:00"}, "no time"),
    ],
)
def test_it_refuses(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(UnreadableError, match=reason):
        transfer_decode(json.dumps({**FIELDS, **change}).encode())


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_it_refuses_a_message_without_a_field(field: str) -> None:
    with pytest.raises(UnreadableError):
        transfer_decode(json.dumps({name: value for name, value in FIELDS.items() if name != field}).encode())


@pytest.mark.parametrize(
    "value",
    [None, b"", b"\xff", b"[]", b"5", b"null", b'{"schema": 1, "schema": 1}', b"[" * 100_000, b'{"amount": NaN}'],
    ids=["nothing", "empty", "no UTF-8", "a list", "a number", "null", "a field twice", "too deep", "not a number"],
)
def test_it_refuses_what_is_no_object_of_json(value: bytes | None) -> None:
    with pytest.raises(UnreadableError):
        transfer_decode(value)


def test_it_refuses_json_that_is_not_in_utf_8() -> None:
    with pytest.raises(UnreadableError):
        transfer_decode(json.dumps(FIELDS).encode("utf-16"))
