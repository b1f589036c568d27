"""Invalid input is refused with a clear message, and no money moves."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models import Sum
from werkzeug.test import Client as WerkzeugClient

from tests.api.client import Api, Person, assert_problem
from transactions.models import Entry, Transaction
from wallets.models import User, Wallet

MEGABYTE = 1_048_576


def books() -> tuple[int, int, int, int, int]:
    balance = Wallet.objects.aggregate(sum=Sum("balance"))["sum"] or 0
    return Entry.objects.count(), Transaction.objects.count(), Wallet.objects.count(), User.objects.count(), balance


@pytest.fixture
def rich(alice: Person, bob: Person) -> Iterator[Person]:
    """Alice with money. Afterwards, checks that the books have not changed."""
    alice.deposit(1_000_000)
    before = books()
    yield alice
    assert books() == before


#: As JSON text, because no Python value serializes to most of these.
ODD_AMOUNTS = [
    "-1", "0", "-0", "00", "01", "+1", "1000000000000000", "9223372036854775808", "-9223372036854775809", "1" * 400,
    "9" * 5_000, "5.0", "0.5", "5.", ".5", "1e3", "1E3", "1e-3", "1e400", "-1e400", '"5"', '"five"', '""', '" "',
    '"1,000"', '"$5"', '"0x10"', "0x10", "1_000", "true", "false", "null", "NaN", "Infinity", "-Infinity", '"NaN"',
    "٣", '"٣"', "\uff15", "[]", "[5]", "{}", '{"amount": 5}', '{"$gt": 0}', "5 5", "5;", "'5'", "undefined", "",
]  # fmt: skip


@pytest.mark.parametrize("amount", ODD_AMOUNTS)
def test_an_invalid_amount_is_refused_everywhere(rich: Person, amount: str) -> None:
    for operation in ("deposits", "withdrawals"):
        body = f'{{"amount": {amount}}}'.encode()
        assert_problem(rich.api.send(f"{rich.wallet_path}/{operation}", body), "malformed", 400)
    transfer = f'{{"source": "{rich.wallet.pk}", "recipient": "bob", "amount": {amount}}}'.encode()
    assert_problem(rich.api.send("/transfers", transfer), "malformed", 400)


@pytest.mark.parametrize("amount", ["-1", "0", "5.0", "1e3", '"5"', "true", "null", "[5]", "9" * 5_000])
def test_an_invalid_amount_is_named(rich: Person, amount: str) -> None:
    body = f'{{"amount": {amount}}}'.encode()

    problem = assert_problem(rich.api.send(f"{rich.wallet_path}/deposits", body), "malformed", 400)

    assert list(problem["errors"]) == ["amount"]


@pytest.mark.parametrize("field", ["source", "destination"])
@pytest.mark.parametrize(
    "value", [5, 5.0, True, None, "", "0", "-5", "+5", "5.0", "1e3", "abc", "٣", " 5", "5\n", "05",
        "9223372036854775808",         "9" * 5_000, ["5"], {"id": "5"}, "5;DROP TABLE wallets_wallet", "0x10"]
)  # fmt: skip
def test_an_invalid_wallet_id_is_refused_by_name(rich: Person, bob: Person, field: str, value: object) -> None:
    body = {"source": str(rich.wallet.pk), "destination": str(bob.wallet.pk), "amount": 5, field: value}

    assert list(assert_problem(rich.api.post("/transfers", body), "malformed", 400)["errors"]) == [field]


@pytest.mark.parametrize("recipient", [5, None, True, [], {}, "", " ", "b\0b", "b" * 255])
def test_an_invalid_recipient_is_refused(rich: Person, recipient: object) -> None:
    body = {"source": str(rich.wallet.pk), "recipient": recipient, "amount": 5}

    assert_problem(rich.api.post("/transfers", body), "malformed", 400)


@pytest.mark.parametrize("recipient", ["bob'--", "b\u043eb", "@", "bob@", "bob@@example.com", "b*b", "🦊", "b\u202eob"])
def test_an_unknown_recipient_is_not_found(rich: Person, recipient: str) -> None:
    body = {"source": str(rich.wallet.pk), "recipient": recipient, "amount": 5}

    assert_problem(rich.api.post("/transfers", body), "recipient_not_found", 422)


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"{", b"}", b"{}}", b"[]", b'[{"amount": 5}]', b"5", b'"amount"', b"null", b"true", b"amount=5",
        b"<amount>5</amount>", b'{"amount" 5}', b"{'amount': 5}", b'{"amount": 5,}', b'{amount: 5}',
        b'{"amount": 5} {"amount": 5}', b'{"amount": 5}\x00', b'\xef\xbb\xbf{"amount": 5}',
        b'{"amount": 5, "memo": "\xff"}',
        b'{"amount": 5, "memo": "\xed\xa0\x80"}', '{"amount": 5}'.encode("utf-16"), '{"amount": 5}'.encode("utf-32"),
        b'{"amount": 5, "memo": "\\ud800"}', b'{"amount": 5, "memo": "\\udc00\\ud800"}',
        b'{"amount": 5, "memo": "\\u0000"}',
        b'{"amount": 5, "memo": "a\nb"}', b'{"amount": 5, "amount": 5}', b'{"amount": 5, "\\u0061mount": 6}',
        b'{"amount": 5, "x": {"a": 1, "a": 2}}', b'{"amount": 5, "\\ud800": 1}', b'{"amount": 5, "memo": NaN}',
        b'{"amount": 5, "x": -Infinity}', b'{"x":' * 900 + b"1" + b"}" * 900, b"[" * 100_000, b'{"a":' * 100_000,
        b'{"amount": 5, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", b"\x00" * 1_000, b"\x1f\x8b\x08\x00",
    ],
)  # fmt: skip
def test_a_body_that_is_not_a_strict_json_object_is_refused(rich: Person, body: bytes) -> None:
    assert_problem(rich.api.send(f"{rich.wallet_path}/deposits", body), "malformed", 400)


@pytest.mark.parametrize(
    "name",
    ["Amount", "amount ", "memo2", "idempotency_key", "id", "status", "__proto__", "", "x" * 9_999],
)
def test_an_unknown_field_is_refused_by_name(rich: Person, name: str) -> None:
    problem = assert_problem(rich.api.post(f"{rich.wallet_path}/deposits", {"amount": 5, name: 5}), "malformed", 400)

    assert list(problem["errors"]) == [name[:100]]


def test_of_very_many_unknown_fields_only_some_are_named(rich: Person) -> None:
    body = {f"field{number}": 1 for number in range(10_000)}

    problem = assert_problem(rich.api.post(f"{rich.wallet_path}/deposits", body), "malformed", 400)

    assert len(problem["errors"]) < 30


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain", "text/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/xml",
        "application/octet-stream", "application/json-patch+json", "application/problem+json", "", "nonsense",
        "application/json; charset=latin-1", "application/json; charset=utf-16", "application/json;" + "x" * 30_000,
    ],
)  # fmt: skip
def test_a_body_that_is_not_declared_as_json_in_utf_8_is_refused(rich: Person, content_type: str) -> None:
    response = rich.api.send(f"{rich.wallet_path}/deposits", b'{"amount": 5}', content_type=content_type)

    assert_problem(response, "unsupported_media_type", 415)


@pytest.mark.parametrize(
    "parameter", ["=idna", "=punycode", "=bz2_codec", "=utf-16", "=rot13", "=undefined", "=nonsense", "*=nonsense''x"]
)
def test_an_invalid_charset_is_refused_or_ignored(rich: Person, wsgi: Any, parameter: str) -> None:
    server = WerkzeugClient(wsgi)
    path = f"/api/v1{rich.wallet_path}"
    headers = {"Authorization": f"Bearer {rich.api.token}", "Content-Type": f"application/json; charset{parameter}"}

    written = server.post(f"{path}/deposits?x=%FF", data=b'{"amount": 5}', headers=headers)
    read = server.get(f"{path}/transactions?limit=5", headers=headers)
    page = server.get("/?x=%FF", headers=headers)

    assert written.status_code == 415
    assert b"unsupported_media_type" in written.data
    assert read.status_code == 200
    assert page.status_code < 500


def test_json_may_declare_utf_8(alice: Person) -> None:
    for content_type in ("application/json; charset=UTF-8", 'application/json; charset="utf-8"', "APPLICATION/JSON"):
        response = alice.api.send(f"{alice.wallet_path}/deposits", b'{"amount": 5}', content_type=content_type)
        assert response.status_code == 201


@pytest.mark.parametrize("size", [MEGABYTE + 1, 2 * MEGABYTE, 20 * MEGABYTE])
def test_megabytes_are_refused(rich: Person, size: int) -> None:
    frame = len('{"amount": 5, "memo": ""}')
    body = json.dumps({"amount": 5, "memo": "x" * (size - frame)}).encode()
    assert len(body) == size

    assert_problem(rich.api.send(f"{rich.wallet_path}/deposits", body), "payload_too_large", 413)


def test_a_megabyte_is_read_and_refused_for_its_content(rich: Person) -> None:
    body = json.dumps({"amount": 5, "memo": "x" * (MEGABYTE - 25)}).encode()
    assert len(body) == MEGABYTE

    problem = assert_problem(rich.api.send(f"{rich.wallet_path}/deposits", body), "malformed", 400)

    assert list(problem["errors"]) == ["memo"]


def test_a_chunked_body_is_refused_and_not_taken_for_an_empty_one(rich: Person) -> None:
    response = rich.api.post(f"{rich.wallet_path}/deposits", {"amount": 5}, Transfer_Encoding="chunked")

    assert "Content-Length" in assert_problem(response, "malformed", 400)["detail"]


@pytest.mark.parametrize("length", ["-1", "abc"])
def test_an_invalid_content_length_moves_no_money(rich: Person, length: str) -> None:
    rich.api.client.defaults["CONTENT_LENGTH"] = length

    response = rich.api.send(f"{rich.wallet_path}/deposits", b'{"amount": "5"}')

    assert_problem(response, "malformed", 400)


@pytest.mark.parametrize("path", ["/auth/register", "/auth/login", "/wallets", "/auth/logout", "/transfers"])
@pytest.mark.parametrize("body", [b"[]", b"{", b'{"x": 1}', b'{"username": {"a": 1}}', b'{"otp": NaN}', b"\xff"])
def test_the_other_operations_are_as_strict(rich: Person, path: str, body: bytes) -> None:
    assert_problem(rich.api.send(path, body), "malformed", 400)
    assert rich.api.get("/me").status_code == 200


@pytest.mark.parametrize("value", ["' OR 1=1 --", "${jndi:ldap://x}", "{{7*7}}", "\u202e", "a" * 5_000, "\ufeff"])
def test_invalid_credentials_are_refused(rich: Person, value: str) -> None:
    for body in ({"username": value, "password": "x"}, {"username": "alice", "password": value}):
        assert Api().post("/auth/login", body).status_code in {400, 401}
