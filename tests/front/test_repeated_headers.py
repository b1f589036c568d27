"""A header that may occur once is refused if it occurs twice, whatever its values."""

import json

import pytest

from kit.http.once import ONCE
from tests.front.conftest import Person
from tests.front.site import Site, body_of, exchange, get, request, status


def deposit(site: Site, person: Person, *headers: str) -> bytes:
    path = f"/api/v1/wallets/{person.wallet.pk}/deposits"
    sent = [f"Authorization: Bearer {person.token}", "Content-Type: application/json", *headers]
    return exchange(site.port, request("POST", path, *sent, body=b'{"amount": 100}'))


def test_a_repeated_idempotency_key_moves_no_money(site: Site, person: Person) -> None:
    answer = deposit(site, person, "Idempotency-Key: lunch", "Idempotency-Key: lunch")
    assert status(answer) == 400
    problem = json.loads(body_of(answer))
    assert problem["code"] == "malformed"
    assert problem["errors"] == {"Idempotency-Key": ["Send this header only once."]}
    assert person.balance() == 0

    assert status(deposit(site, person, "Idempotency-Key: lunch")) == 201
    assert status(deposit(site, person, "Idempotency-Key: lunch", "idempotency-key: other")) == 400
    assert person.balance() == 100


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("Authorization", ["Bearer one", "Bearer two"]),
        ("Cookie", ["sessionid=one", "sessionid=two"]),
        ("X-Request-ID", ["one", "two"]),
        ("X-CSRFToken", ["one", "two"]),
        ("X-Forwarded-Proto", ["http", "https"]),
        ("If-Modified-Since", ["one", "two"]),
        ("User-Agent", ["one", "two"]),
        ("HX-Request", ["true", "false"]),
        ("Host", ["localhost", "localhost"]),
        ("Content-Type", ["application/json", "application/json"]),
        ("Content-Length", ["0", "0"]),
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/me", "/accounts/login/"])
def test_each_header_that_may_occur_once_is_refused_twice(
    site: Site, path: str, header: str, values: list[str]
) -> None:
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close"]
    lines += [f"{header}: {value}" for value in values if header != "Host"] or [f"{header}: {values[0]}"]
    assert header.upper() in ONCE
    assert status(exchange(site.port, "\r\n".join([*lines, "", ""]).encode())) == 400


def test_a_refused_page_says_so_as_a_page(site: Site) -> None:
    answer = exchange(site.port, get("/accounts/login/", "Cookie: a=1", "Cookie: b=2"))
    assert b"We could not understand that request" in answer


@pytest.mark.parametrize(
    "header", ["Accept", "Accept-Encoding", "Accept-Language", "If-None-Match", "X-Forwarded-For", "Via", "X-Unknown"]
)
def test_a_header_that_is_a_list_may_be_repeated(site: Site, header: str) -> None:
    assert status(exchange(site.port, get("/accounts/login/", f"{header}: *", f"{header}: *"))) == 200


def test_no_header_from_this_machine_changes_the_scheme_or_the_path(site: Site) -> None:
    """Gunicorn would believe them from a client, or a careless proxy, on the same machine."""
    answer = exchange(site.port, get("/accounts/login/", "X-Forwarded-Proto: https", "SCRIPT_NAME: /accounts"))
    assert status(answer) == 200
    assert b"Secure" not in answer
