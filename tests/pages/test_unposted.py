"""Unposted transfers on the dashboard and in the history, as their sender sees them."""

import datetime
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from tests.pages.kit import MINUS, give, read, settle, submitted, text_of, wallet_of
from transactions.gateway.local import gateway
from wallets.models import User
from wallets.services import wallet_open


@pytest.mark.parametrize("path", ["/", "/history/"])
def test_the_sender_sees_a_pending_transfer_and_the_recipient_does_not(
    alices: Client, bobs: Client, alice: User, bob: User, path: str
) -> None:
    give(alice, 5_000)
    transfer = submitted(alice)
    page = read(alices, path)
    assert 'id="pending"' in page
    assert f'href="{transfer}"' in page
    assert f"{MINUS}$20.00" in page
    assert "just now" in page
    assert "Lunch" in page
    for before in (read(bobs, "/"), read(bobs, "/history/")):
        assert "$20.00" not in before
        assert "alice" not in before
    settle()
    assert 'id="pending"' not in read(alices, path)
    assert "+$20.00" in read(bobs, path)


@pytest.mark.parametrize("path", ["/", "/history/"])
def test_it_shows_how_long_a_transfer_has_been_pending(alices: Client, alice: User, bob: User, path: str) -> None:
    submitted(alice)
    with time_machine.travel(timezone.now() + datetime.timedelta(minutes=5, seconds=1)):
        assert "5\N{NO-BREAK SPACE}minutes ago" in read(alices, path)


@pytest.mark.parametrize("path", ["/", "/history/"])
def test_the_sender_sees_a_failed_transfer_for_three_days(
    alices: Client, bobs: Client, alice: User, bob: User, path: str
) -> None:
    transfer = submitted(alice)
    settle()
    page = read(alices, path)
    assert "Failed" in page
    assert "Failed" in page
    assert f'href="{transfer}"' in page
    assert transfer not in read(bobs, path)
    # The session must last longer than the three days.
    with time_machine.travel(timezone.now() + datetime.timedelta(days=3, minutes=1)):
        assert transfer not in read(alices, path)


@pytest.mark.parametrize("path", ["/", "/history/"])
def test_a_transfer_that_settles_while_the_page_is_rendered_is_shown_as_posted_only(
    alices: Client, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    give(alice, 5_000)
    submitted(alice, amount=2_000)

    def overtaken(**named: Any) -> Any:
        transfers = unposted_read(**named)
        settle()
        return transfers

    unposted_read = gateway().unposted_read
    monkeypatch.setattr(gateway(), "unposted_read", overtaken)
    page = read(alices, path)
    assert f"{MINUS}$20.00" in page
    assert ">Pending</h" not in page


def test_a_failed_transfer_is_sorted_by_time_among_the_entries(alices: Client, alice: User, bob: User) -> None:
    give(alice, 100)
    submitted(alice)
    settle()
    give(alice, 300)
    page = read(alices, "/")
    assert page.index("+$3.00") < page.index("Failed") < page.index("+$1.00")


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"direction": "out"}, True),
        ({"kind": "transfer"}, True),
        ({"direction": "in"}, False),
        ({"kind": "deposit"}, False),
        ({"since": "2000-01-01"}, False),
        ({"until": "2999-12-31"}, False),
        ({"cursor": "b2xkZXI6OQ"}, False),
    ],
)
def test_the_history_shows_unposted_transfers_only_if_the_filters_match(
    alices: Client, alice: User, bob: User, query: dict[str, str], shown: bool
) -> None:
    submitted(alice)
    assert ('id="pending"' in text_of(alices.get("/history/", query))) is shown


def test_an_unposted_transfer_is_shown_for_its_source_wallet(alices: Client, alice: User, bob: User) -> None:
    wallet_open(owner=alice, currency="EUR")
    submitted(alice)
    for path in ("/", "/history/"):
        assert 'id="pending"' not in text_of(alices.get(path, {"wallet": str(wallet_of(alice, "EUR").id)}))


@pytest.mark.parametrize(("path", "shown"), [("/", 5), ("/history/", 30)])
def test_many_pending_transfers_take_as_many_queries_as_one(
    alices: Client, alice: User, bob: User, django_assert_num_queries: Any, path: str, shown: int
) -> None:
    for amount in range(1, 33):
        submitted(alice, amount=amount * 100)
    with django_assert_num_queries(8):
        page = read(alices, path)
    assert page.count("badge-warning") - page.count("Demo money") == shown
    assert f"These are the newest {shown}." in page
    assert f"{MINUS}$32.00" in page
