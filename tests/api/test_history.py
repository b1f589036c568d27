"""A wallet's history: pages, filters, and invalid parameters."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.api.client import Person, assert_problem, json_of
from transactions.recipients import TransferRequest
from transactions.services import transfer_create, withdrawal_create


@pytest.fixture
def busy(alice: Person, bob: Person) -> Person:
    """Alice with seven entries: incoming and outgoing, of all three kinds."""
    for amount in (1_000, 2_000, 3_000):
        alice.deposit(amount)
    withdrawal_create(actor=alice.user, wallet_id=alice.wallet.pk, amount=100)
    bob.deposit(50)
    transfer_create(actor=bob.user, request=TransferRequest(source_id=bob.wallet.pk, recipient="alice", amount=50))
    for amount in (200, 300):
        transfer_create(
            actor=alice.user,
            request=TransferRequest(source_id=alice.wallet.pk, recipient="bob", amount=amount, memo="Lunch"),
        )
    return alice


def page(someone: Person, query: dict[str, Any] | None = None) -> Any:
    return json_of(someone.api.get(f"{someone.wallet_path}/transactions", query))


def sequences(body: Any) -> list[int]:
    return [entry["sequence"] for entry in body["results"]]


def test_history_is_newest_first_and_each_entry_has_the_balance_after_it(busy: Person) -> None:
    body = page(busy)

    assert sequences(body) == [7, 6, 5, 4, 3, 2, 1]
    assert [entry["amount"] for entry in body["results"]] == [-300, -200, 50, -100, 3_000, 2_000, 1_000]
    assert body["results"][0]["balance_after"] == busy.balance() == 5_450
    assert (body["next"], body["previous"]) == (None, None)


def test_an_entry_contains_its_whole_transaction(busy: Person) -> None:
    entry = page(busy)["results"][0]

    assert set(entry) == {"sequence", "amount", "balance_after", "created_at", "transaction"}
    transaction = entry["transaction"]
    assert json_of(busy.api.get(f"/transactions/{transaction['id']}")) == transaction
    assert transaction["amount"] == 300
    assert transaction["destination"]["owner"] == "bob"


def test_an_empty_history_is_an_empty_page(alice: Person) -> None:
    assert page(alice) == {"results": [], "next": None, "previous": None}


def test_following_next_returns_each_entry_once_while_new_ones_arrive(busy: Person) -> None:
    body = page(busy, {"limit": 3})
    met = sequences(body)
    while body["next"]:
        busy.deposit(1)
        body = json_of(busy.api.get(body["next"]))
        met += sequences(body)

    assert met == [7, 6, 5, 4, 3, 2, 1]


def test_previous_leads_back_to_newer_entries(busy: Person) -> None:
    older = json_of(busy.api.get(page(busy, {"limit": 3})["next"]))
    assert sequences(older) == [4, 3, 2]

    assert sequences(json_of(busy.api.get(older["previous"]))) == [7, 6, 5]


def test_the_links_keep_the_filters_and_contain_no_host(busy: Person) -> None:
    first = page(busy, {"limit": 1, "kind": "deposit", "direction": "in"})
    second = json_of(busy.api.get(first["next"]))

    assert first["next"].startswith(f"/api/v1{busy.wallet_path}/transactions?")
    assert second["results"][0]["transaction"]["kind"] == "deposit"
    assert sequences(first) + sequences(second) == [3, 2]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"kind": "deposit"}, [3, 2, 1]),
        ({"kind": "withdrawal"}, [4]),
        ({"kind": "transfer"}, [7, 6, 5]),
        ({"direction": "in"}, [5, 3, 2, 1]),
        ({"direction": "out"}, [7, 6, 4]),
        ({"kind": "transfer", "direction": "in"}, [5]),
        ({"limit": "1"}, [7]),
        ({"limit": "100"}, [7, 6, 5, 4, 3, 2, 1]),
    ],
)
def test_history_is_filtered(busy: Person, query: dict[str, Any], expected: list[int]) -> None:
    assert sequences(page(busy, query)) == expected


def test_history_is_filtered_by_time(busy: Person) -> None:
    fourth = page(busy)["results"][3]["created_at"]
    in_kabul = datetime.fromisoformat(fourth).astimezone(tz=None).isoformat()

    assert sequences(page(busy, {"since": fourth})) == [7, 6, 5, 4]
    assert sequences(page(busy, {"until": fourth})) == [3, 2, 1]
    assert sequences(page(busy, {"since": in_kabul})) == [7, 6, 5, 4]
    assert sequences(page(busy, {"since": fourth, "until": fourth})) == []


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1969-12-31T23:59:59.999999Z"]
)
def test_the_earliest_and_latest_times_are_accepted(busy: Person, moment: str) -> None:
    assert len(sequences(page(busy, {"since": moment}))) + len(sequences(page(busy, {"until": moment}))) == 7


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("limit", value) for value in ("0", "101", "-1", "", "ten", "1.5", "1e1", "٣", "\uff11", "9" * 5_000, " 5")],
        *[("kind", value) for value in ("", "gift", "DEPOSIT", "deposit,transfer")],
        *[("direction", value) for value in ("", "both", "IN")],
        *[("since", value) for value in ("", "yesterday", "2026-01-31", "2026-01-31T12:00:00", "2026-W05-1T12:00:00Z",
            "2026-02-30T12:00:00Z", "2026-01-31T25:00:00Z", "2026-01-31T12:00:60Z", "2026-01-31 12:00:00Z",
            "2026-01-31T12:00:00 02:00", "2026-01-31T12:00:00+25:00", "٢٠٢٦-01-31T12:00:00Z", "1769860800")],
        ("until", "tomorrow"),
        *[("cursor", value) for value in ("", "x", "====", "b2xkZXI6", "b2xkZXI6LTE", "\0", "🦊", "A" * 5_000)],
        ("page", "2"),
        ("Limit", "5"),
        ("format", "xml"),
    ],
)  # fmt: skip
def test_an_invalid_parameter_is_refused_by_name(busy: Person, name: str, value: str) -> None:
    problem = assert_problem(busy.api.get(f"{busy.wallet_path}/transactions", {name: value}), "malformed", 400)

    assert list(problem["errors"]) == [name]


def test_a_repeated_parameter_is_refused(busy: Person) -> None:
    response = busy.api.get(f"{busy.wallet_path}/transactions?limit=5&limit=6")

    assert list(assert_problem(response, "malformed", 400)["errors"]) == ["limit"]


def test_a_cursor_of_one_wallet_reveals_nothing_of_another(busy: Person, charlie: Person) -> None:
    link = page(busy, {"limit": 3})["next"]

    body = json_of(charlie.api.get(link.replace(str(busy.wallet.pk), str(charlie.wallet.pk))))

    assert body["results"] == []
    assert_problem(charlie.api.get(link), "not_found", 404)


@pytest.mark.parametrize("limit", [1, 7])
def test_a_page_of_any_length_takes_the_same_number_of_queries(
    busy: Person, limit: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(3):  # the token with its user, the wallet, the entries with all they show
        assert len(page(busy, {"limit": limit})["results"]) == limit


def test_a_future_time_is_accepted(busy: Person) -> None:
    tomorrow = (datetime.now(tz=UTC) + timedelta(days=1)).isoformat()

    assert sequences(page(busy, {"since": tomorrow})) == []
