"""The history of a wallet: filters, pages, and the parts that htmx asks for."""

import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from tests.pages.kit import MINUS, give, text_of, wallet_of
from transactions.recipients import TransferRequest
from transactions.services import transfer_create, withdrawal_create
from wallets.models import User
from wallets.services import wallet_open

HTMX = {"HX-Request": "true"}


def amounts(response: Any) -> list[str]:
    return re.findall(r'class="move-amount[^"]*">([^<]+)<', text_of(response))


def older(response: Any) -> str:
    """The URL of "Show older"."""
    found = re.search(r'href="(/history/\?[^"]*cursor[^"]*)"\s+hx-get', text_of(response))
    assert found
    return found[1].replace("&amp;", "&")


def lived_in(alice: User) -> None:
    give(alice, 5_000, memo="Salary")
    withdrawal_create(actor=alice, wallet_id=wallet_of(alice).id, amount=700)
    transfer_create(actor=alice, request=TransferRequest(source_id=wallet_of(alice).id, recipient="bob", amount=300))


def test_it_shows_everything_newest_first_with_the_balance_after(alices: Client, alice: User, bob: User) -> None:
    lived_in(alice)
    response = alices.get("/history/")
    assert amounts(response) == [f"{MINUS}$3.00", f"{MINUS}$7.00", "+$50.00"]
    assert "$43.00" in text_of(response)
    assert "No older transactions." in text_of(response)


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ({"direction": "in"}, ["+$50.00"]),
        ({"direction": "out"}, [f"{MINUS}$3.00", f"{MINUS}$7.00"]),
        ({"kind": "withdrawal"}, [f"{MINUS}$7.00"]),
        ({"kind": "transfer", "direction": "in"}, []),
        ({"since": "2999-01-01"}, []),
        ({"until": "2000-01-01"}, []),
        ({"since": "2000-01-01", "until": "2999-12-31"}, [f"{MINUS}$3.00", f"{MINUS}$7.00", "+$50.00"]),
    ],
)
def test_it_filters(alices: Client, alice: User, bob: User, filters: dict[str, str], left: list[str]) -> None:
    lived_in(alice)
    response = alices.get("/history/", filters)
    assert response.status_code == 200
    assert amounts(response) == left


def test_it_filters_by_days_of_the_users_time_zone_including_the_last(alices: Client, alice: User) -> None:
    give(alice, 500)
    # The zones are 25 hours apart, so it is always a later day in Kiritimati than in Pago Pago.
    day = timezone.localdate(timezone=ZoneInfo("Pacific/Pago_Pago")).isoformat()
    alices.cookies["timezone"] = "Pacific/Pago_Pago"
    assert amounts(alices.get("/history/", {"since": day, "until": day})) == ["+$5.00"]
    alices.cookies["timezone"] = "Pacific/Kiritimati"
    assert amounts(alices.get("/history/", {"until": day})) == []
    assert amounts(alices.get("/history/", {"since": day})) == ["+$5.00"]


@pytest.mark.parametrize(
    "filters",
    [
        {"since": "yesterday"},
        {"until": "9999-12-31"},
        {"since": "0001-01-01"},
        {"since": "2030-01-02", "until": "2030-01-01"},
        {"kind": "robbery"},
        {"direction": "sideways"},
    ],
)
def test_it_names_the_invalid_filter(alices: Client, filters: dict[str, str]) -> None:
    response = alices.get("/history/", filters)
    assert response.status_code == 400
    assert "Please check the filters" in text_of(response)


@pytest.mark.parametrize("cursor", ["rubbish", "AAAA", "\0", "9" * 400])
def test_it_answers_an_invalid_cursor_with_an_error_page(alices: Client, cursor: str) -> None:
    response = alices.get("/history/", {"cursor": cursor})
    assert response.status_code == 400
    assert "could not understand" in text_of(response)


def test_its_links_lead_through_all_pages_and_back_with_each_row_once(alices: Client, alice: User) -> None:
    for amount in range(1, 66):
        give(alice, amount * 100)
    first = alices.get("/history/")
    second = alices.get(older(first))
    third = alices.get(older(second))
    assert amounts(first) + amounts(second) + amounts(third) == [f"+${n}.00" for n in range(65, 0, -1)]
    newer = re.search(r'pager-newer"\s+href="([^"]+)"', text_of(third))
    assert newer
    assert amounts(alices.get(newer[1].replace("&amp;", "&"))) == amounts(second)


def test_it_keeps_the_filters_from_page_to_page(alices: Client, alice: User) -> None:
    for _ in range(31):
        give(alice, 200)
        withdrawal_create(actor=alice, wallet_id=wallet_of(alice).id, amount=100)
    first = alices.get("/history/", {"direction": "out"})
    assert set(amounts(first) + amounts(alices.get(older(first)))) == {f"{MINUS}$1.00"}


def test_it_gives_htmx_only_the_part_that_changes(alices: Client, alice: User, bob: User) -> None:
    lived_in(alice)
    results = alices.get("/history/", {"direction": "in"}, headers=HTMX | {"HX-Target": "results"})
    assert text_of(results).lstrip().startswith('<section class="card results" id="results"')
    assert amounts(results) == ["+$50.00"]
    assert "HX-Request" in results["Vary"]


def test_it_gives_htmx_the_whole_page_to_restore_its_history(alices: Client) -> None:
    response = alices.get("/history/", headers=HTMX | {"HX-History-Restore-Request": "true"})
    assert "<!DOCTYPE html>" in text_of(response)


def test_it_does_not_repeat_a_day_that_continues_on_the_next_page(alices: Client, alice: User) -> None:
    for _ in range(31):
        give(alice, 100)
    today = timezone.localdate().isoformat()
    path = f"{older(alices.get('/history/'))}&after={today}"
    more = alices.get(path, headers=HTMX | {"HX-Target": "more"})
    assert amounts(more) == ["+$1.00"]
    assert "day-name" not in text_of(more)
    assert "Today, continued" in text_of(more)


@pytest.mark.parametrize("after", ["2030-13-45", "x", "", "2030-02-31"])
def test_it_ignores_an_invalid_day_above_the_list(alices: Client, alice: User, after: str) -> None:
    give(alice, 100)
    assert alices.get("/history/", {"after": after}).status_code == 200


def test_it_shows_another_wallet(alices: Client, alice: User) -> None:
    wallet_open(owner=alice, currency="JPY")
    give(alice, 100)
    give(alice, 5_000, currency="JPY")
    assert amounts(alices.get("/history/", {"wallet": str(wallet_of(alice, "JPY").id)})) == ["+¥5,000"]


def test_with_a_cold_cache_a_history_of_any_length_takes_the_same_number_of_queries(
    alices: Client, alice: User, bob: User, django_assert_num_queries: Any
) -> None:
    for _ in range(20):
        lived_in(alice)
    # The session, the user, the ids of the wallets, their views, the pending transfers, the failed ones, the wallet's
    # view again, the entries with their transactions.
    with django_assert_num_queries(8):
        first = alices.get("/history/")
    with django_assert_num_queries(5):
        alices.get(older(first))
