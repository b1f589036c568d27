"""The dashboard polls for a newer state. If there is none, the answer is empty."""

import re
from collections.abc import Callable
from datetime import timedelta

import time_machine
from django.test import Client
from django.utils import timezone

from tests.pages.kit import give, read, settle, submitted, text_of, wallet_of
from transactions.services import withdrawal_create
from wallets.models import User
from wallets.services import wallet_freeze, wallet_open


def etag_of(page: str) -> str:
    """The ETag of the state that a page shows."""
    found = re.search(r'data-etag="(W/&quot;[^&]+&quot;)"', page)
    assert found, page
    return found[1].replace("&quot;", '"')


def look(client: Client, etag: str, path: str = "/live/") -> tuple[int, str]:
    response = client.get(path, headers={"HX-Request": "true", "If-None-Match": etag})
    return response.status_code, text_of(response)


def test_the_page_names_its_state_and_a_poll_finds_nothing_newer(alices: Client, alice: User) -> None:
    give(alice, 5_000)
    etag = etag_of(text_of(alices.get("/")))

    assert look(alices, etag) == (304, "")
    assert look(alices, etag, f"/live/?wallet={wallet_of(alice).pk}") == (304, "")


def test_a_poll_returns_the_new_balance_and_the_new_transaction(alices: Client, alice: User) -> None:
    give(alice, 5_000)
    etag = etag_of(text_of(alices.get("/")))

    give(alice, 1_234, memo="Refund")

    status, fragment = look(alices, etag)
    assert status == 200
    assert '$62<span class="balance-change">.34</span>' in fragment
    assert "Refund" in fragment
    assert '<div id="overview-news" hx-swap-oob="innerHTML">Balance: $62.34</div>' in fragment
    assert look(alices, etag_of(fragment)) == (304, "")


def test_a_poll_shows_what_the_page_would_show(alices: Client, alice: User, bob: User) -> None:
    wallet_open(owner=alice, currency="EUR")
    give(alice, 5_000)
    submitted(alice)
    fragment, page = text_of(alices.get("/live/")), text_of(alices.get("/"))

    overview = fragment[fragment.index("<div class") : fragment.index('<div id="overview-news"')]
    assert overview.strip() in page


def test_every_change_gives_a_new_state(alices: Client, alice: User, bob: User) -> None:
    give(alice, 5_000)

    def in_and_out() -> None:
        give(alice, 5)
        withdrawal_create(actor=alice, wallet_id=wallet_of(alice).pk, amount=5)

    etags = [etag_of(text_of(alices.get("/")))]
    changes: list[Callable[[], object]] = [
        lambda: submitted(alice, amount=1_000),
        settle,
        lambda: wallet_open(owner=alice, currency="EUR"),
        lambda: give(alice, 700, currency="EUR"),
        lambda: submitted(alice, amount=3_000),
        lambda: withdrawal_create(actor=alice, wallet_id=wallet_of(alice).pk, amount=3_500),
        settle,
        # The balance is the same, but there are two new transactions.
        in_and_out,
        lambda: wallet_freeze(wallet_id=wallet_of(alice).pk, actor=bob, reason="A test"),
    ]
    for change in changes:
        change()
        status, fragment = look(alices, etags[-1], f"/live/?wallet={wallet_of(alice).pk}")
        assert status == 200
        etags.append(etag_of(fragment))
    assert len(set(etags)) == len(etags)


def test_the_names_of_days_change_at_midnight(alices: Client, alice: User) -> None:
    give(alice, 5_000)
    with time_machine.travel(timezone.now().replace(hour=12), tick=False) as clock:
        etag = etag_of(text_of(alices.get("/")))
        clock.shift(timedelta(hours=3))
        assert look(alices, etag)[0] == 304
        clock.shift(timedelta(days=1))
        assert "Yesterday" in look(alices, etag)[1]


def test_the_age_of_a_pending_transfer_is_updated_every_minute(alices: Client, alice: User, bob: User) -> None:
    give(alice, 5_000)
    submitted(alice)
    later = timezone.now().replace(second=0, microsecond=0) + timedelta(minutes=10)
    with time_machine.travel(later, tick=False) as clock:
        etag = etag_of(text_of(alices.get("/")))
        clock.shift(timedelta(seconds=59))
        assert look(alices, etag)[0] == 304
        clock.shift(timedelta(minutes=5))
        assert "minutes ago" in look(alices, etag)[1]


def test_a_reader_in_another_time_zone_sees_another_page(alices: Client, alice: User) -> None:
    give(alice, 5_000)
    etag = etag_of(text_of(alices.get("/")))

    alices.cookies["timezone"] = "Asia/Kolkata"

    status, fragment = look(alices, etag)
    assert status == 200
    assert "+05:30" in fragment


def test_two_wallets_have_different_states(alices: Client, alice: User) -> None:
    euro = wallet_open(owner=alice, currency="EUR")
    assert look(alices, etag_of(text_of(alices.get("/"))), f"/live/?wallet={euro.pk}")[0] == 200


def test_two_users_have_different_states(alices: Client, bobs: Client) -> None:
    assert look(bobs, etag_of(text_of(alices.get("/"))))[0] == 200


def test_a_poll_belongs_to_one_user_and_no_browser_stores_it(alices: Client, alice: User, bob: User) -> None:
    etag = etag_of(text_of(alices.get("/")))
    for headers in ({}, {"If-None-Match": etag}):
        answer = alices.get("/live/", headers=headers)
        assert "no-store" in answer["Cache-Control"]
        assert answer["ETag"] == etag
        assert "Cookie" in answer["Vary"]
    assert alices.get("/live/", {"wallet": str(wallet_of(bob).pk)}).status_code == 404
    assert alices.post("/live/").status_code == 405
    assert Client().get("/live/").status_code == 302


def test_choosing_another_wallet_after_the_session_has_ended_loads_a_whole_page(client: Client) -> None:
    answer = client.get("/?wallet=1", headers={"HX-Request": "true"})
    assert (answer["HX-Redirect"], answer.content) == ("/?wallet=1", b"")
    assert {"Cookie", "HX-Request"} <= set(answer["Vary"].split(", "))


def test_a_poll_has_no_secret_and_is_compressed_but_a_page_with_a_secret_is_not(alices: Client, alice: User) -> None:
    give(alice, 5_000)
    packed = {"Accept-Encoding": "gzip"}
    fragment, page = alices.get("/live/", headers=packed), alices.get("/", headers=packed)

    assert fragment["Content-Encoding"] == "gzip"
    assert "csrfmiddlewaretoken" not in read(alices, "/live/")
    assert "Content-Encoding" not in page
    assert "csrfmiddlewaretoken" in text_of(page)
    assert Client().get("/", headers=packed)["Content-Encoding"] == "gzip"


def test_it_polls_every_few_seconds_within_the_security_policy(alices: Client, alice: User) -> None:
    page = text_of(alices.get("/"))
    assert f'hx-get="/live/?wallet={wallet_of(alice).pk}"' in page
    # htmx would evaluate a condition in the trigger as a script, which the policy forbids.
    assert 'hx-trigger="every 5s, look"' in page
    assert '{"code":"304","swap":false}' in page
