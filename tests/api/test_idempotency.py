"""The Idempotency-Key header makes retries safe."""

from typing import Any

import pytest
from django.http import HttpResponse

from tests.api.client import Person, assert_problem, json_of
from transactions.models import Transaction


def deposit(someone: Person, key: str, **body: Any) -> HttpResponse:
    return someone.api.post(f"{someone.wallet_path}/deposits", {"amount": 500, **body}, Idempotency_Key=key)


def test_a_retry_gets_the_same_answer_and_moves_nothing(alice: Person) -> None:
    first, second = deposit(alice, "once"), deposit(alice, "once")

    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert first["Location"] == second["Location"]
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert alice.balance() == 500


@pytest.mark.parametrize("operation", ["withdrawals", "transfers"])
def test_every_operation_that_moves_money_honours_the_key(alice: Person, bob: Person, operation: str) -> None:
    alice.deposit(500)
    path = f"{alice.wallet_path}/withdrawals" if operation == "withdrawals" else "/transfers"
    extra = {} if operation == "withdrawals" else {"source": str(alice.wallet.pk), "recipient": "bob"}

    answers = [alice.api.post(path, {"amount": 100, **extra}, Idempotency_Key="once") for _ in range(3)]

    assert len({answer.content for answer in answers}) == 1
    assert [answer.get("Idempotent-Replayed") for answer in answers] == [None, "true", "true"]
    assert alice.balance() == 400


def test_without_a_key_every_request_moves_money(alice: Person) -> None:
    for _ in range(2):
        alice.api.post(f"{alice.wallet_path}/deposits", {"amount": 500})

    assert alice.balance() == 1_000


@pytest.mark.parametrize(("field", "value"), [("amount", 501), ("memo", "other")])
def test_a_different_request_with_the_same_key_is_refused_and_the_differing_fields_are_named(
    alice: Person, field: str, value: object
) -> None:
    deposit(alice, "once")

    problem = assert_problem(deposit(alice, "once", **{field: value}), "idempotency_key_reused", 422)

    assert list(problem["errors"]) == [field]
    assert field in problem["detail"]
    assert alice.balance() == 500


def test_a_key_belongs_to_one_user(alice: Person, bob: Person) -> None:
    assert deposit(alice, "once").status_code == 201

    second = deposit(bob, "once")

    assert second.status_code == 201
    assert "Idempotent-Replayed" not in second
    assert bob.balance() == 500


def test_a_refused_request_leaves_its_key_free(alice: Person) -> None:
    withdrawal = f"{alice.wallet_path}/withdrawals"
    assert_problem(alice.api.post(withdrawal, {"amount": 9}, Idempotency_Key="k"), "insufficient_funds", 422)
    alice.deposit(9)

    response = alice.api.post(withdrawal, {"amount": 9}, Idempotency_Key="k")

    assert response.status_code == 201
    assert "Idempotent-Replayed" not in response


@pytest.mark.parametrize("other", ['"once"', " once ", '  "once"'])
def test_a_key_is_the_same_with_quotes_and_without(alice: Person, other: str) -> None:
    deposit(alice, "once")

    assert deposit(alice, other)["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("a", "a"),
        ("~" * 255, "~" * 255),
        ('"' + "k" * 255 + '"', "k" * 255),
        (r'"a\"b"', 'a"b'),
        (r'"a\\b"', "a\\b"),
        ("web:8e03978e-40d5", "web:8e03978e-40d5"),
        ('a"b', 'a"b'),
        ('shut"x"', 'shut"x"'),
    ],
)
def test_the_header_is_a_string_or_a_bare_key(alice: Person, header: str, key: str) -> None:
    assert deposit(alice, header).status_code == 201
    assert Transaction.objects.get().idempotency_key == key


@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        '""',
        '"',
        '"open',
        "two words",
        '"two words"',
        "k" * 256,
        "ключ",
        "\x7f",
        "a\tb",
        r'"say \"hi\""',
        '"a";p=1',
    ],
)
def test_a_bad_header_is_refused_by_name(alice: Person, header: str) -> None:
    response = deposit(alice, header)

    assert list(assert_problem(response, "malformed", 400)["errors"]) == ["Idempotency-Key"]
    assert alice.balance() == 0


def test_a_transaction_can_be_looked_up_by_its_key(alice: Person, bob: Person) -> None:
    posted = json_of(deposit(alice, "once"))

    assert json_of(alice.api.get("/transactions", {"idempotency_key": "once"})) == {"results": [posted]}
    assert json_of(alice.api.get("/transactions", {"idempotency_key": "never"})) == {"results": []}
    assert json_of(bob.api.get("/transactions", {"idempotency_key": "once"})) == {"results": []}


@pytest.mark.parametrize(
    "query", [{}, {"idempotency_key": ""}, {"idempotency_key": "a b"}, {"idempotency_key": "k" * 256},
        {"idempotency_key": "k\n"}, {"idempotency_key": "k\0"}, {"idempotency_key": ["a", "b"]}]
)  # fmt: skip
def test_a_lookup_without_a_valid_key_is_refused(alice: Person, query: dict[str, object]) -> None:
    assert_problem(alice.api.get("/transactions", query), "malformed", 400)


def test_a_lookup_with_another_parameter_is_refused(alice: Person) -> None:
    problem = assert_problem(alice.api.get("/transactions", {"idempotency_key": "a", "limit": 5}), "malformed", 400)

    assert list(problem["errors"]) == ["limit"]
