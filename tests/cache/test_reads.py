"""Repeated reads cost Redis and not Postgres, and the next read sees every change."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from kit.cache import steps
from kit.cache.steps import names_look
from tests.api.client import Person, assert_problem, json_of
from tests.cache.readers import READERS, no_queries, some_queries, with_session, with_token
from tests.pages.kit import give, read, settle, submitted, text_of
from transactions.models import Transaction
from transactions.recipients import TransferRequest
from transactions.services import transfer_create, withdrawal_create
from wallets.gateway import wallet_gateway
from wallets.models import User
from wallets.selectors import wallet_view_get
from wallets.services import wallet_freeze, wallet_open

pytestmark = pytest.mark.usefixtures("trusted_cache")
Reader = Callable[[User], Person]

QUESTIONS = (
    *("limit=1", "limit=2", "kind=deposit", "kind=transfer", "direction=in", "direction=out"),
    *("since=2100-01-01T00:00:00Z", "until=2000-01-01T00:00:00Z"),
)


def paths_of(someone: Person) -> list[str]:
    """Every path of the API that clients read repeatedly."""
    newest = Transaction.objects.order_by("-id").values_list("id", flat=True)[0]
    return [
        someone.wallet_path,
        "/wallets",
        f"{someone.wallet_path}/transactions",
        f"{someone.wallet_path}/transactions?kind=deposit&limit=5",
        f"/transactions/{newest}",
        f"/api/v2/transfers/{newest}",
    ]


@READERS
def test_a_warm_read_takes_no_query(alice: User, bob: User, reader: Reader) -> None:
    give(alice, 5_000)
    transfer_create(
        actor=alice, request=TransferRequest(source_id=alice.wallets.get().pk, recipient="bob", amount=1_500)
    )
    someone = reader(alice)
    for path in paths_of(someone):
        cold = json_of(someone.api.get(path))
        with no_queries():
            assert json_of(someone.api.get(path)) == cold


def test_the_caller_and_the_object_are_looked_up_together(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    give(alice, 5_000)
    someone = with_token(alice)
    paths = [someone.wallet_path, *(path for path in paths_of(someone) if "/trans" in path and "wallets" not in path)]
    for path in paths:
        someone.api.get(path)
    looks: list[Sequence[str]] = []

    def look(client: Any, names: Sequence[str], **options: Any) -> steps.Look:
        looks.append(names)
        return names_look(client, names, **options)

    monkeypatch.setattr(steps, "names_look", look)
    for path in paths:
        assert someone.api.get(path).status_code == 200
    assert [len(names) for names in looks] == [2] * len(paths)


def test_refreshing_a_page_takes_no_query(alice: User, bob: User) -> None:
    give(alice, 5_000)
    receipt = submitted(alice)
    client = with_session(alice).api.client
    for path in ("/", "/live/", "/history/", receipt):
        cold = client.get(path)
        assert cold.status_code == 200
        with no_queries():
            assert client.get(path).status_code == 200


def balance_of(someone: Person) -> tuple[int, int]:
    wallet = json_of(someone.api.get(someone.wallet_path))
    listed = json_of(someone.api.get("/wallets"))["results"][0]
    assert listed == wallet
    entries = json_of(someone.api.get(f"{someone.wallet_path}/transactions"))["results"]
    assert len(entries) == wallet["version"]
    assert not entries or entries[0]["balance_after"] == wallet["balance"]
    return wallet["balance"], wallet["version"]


@READERS
def test_the_next_read_sees_every_movement(alice: User, bob: User, reader: Reader) -> None:
    people = reader(alice), reader(bob)
    assert [balance_of(someone) for someone in people] == [(0, 0), (0, 0)]

    give(alice, 5_000)
    assert [balance_of(someone) for someone in people] == [(5_000, 1), (0, 0)]

    transfer_create(actor=alice, request=TransferRequest(source_id=people[0].wallet.pk, recipient="bob", amount=1_500))
    assert [balance_of(someone) for someone in people] == [(3_500, 2), (1_500, 1)]

    submitted(alice, amount=500)
    settle()
    assert [balance_of(someone) for someone in people] == [(3_000, 3), (2_000, 2)]


def test_the_next_read_sees_a_freeze_and_a_new_wallet(alice: User, bob: User) -> None:
    someone = with_token(alice)
    assert json_of(someone.api.get(someone.wallet_path))["status"] == "open"
    assert len(json_of(someone.api.get("/wallets"))["results"]) == 1

    wallet_freeze(wallet_id=someone.wallet.pk, actor=bob, reason="A test")
    euro = wallet_open(owner=alice, currency="EUR")

    assert json_of(someone.api.get(someone.wallet_path))["status"] == "frozen"
    listed = json_of(someone.api.get("/wallets"))["results"]
    assert [(wallet["id"], wallet["status"]) for wallet in listed] == [
        (str(someone.wallet.pk), "frozen"),
        (str(euro.pk), "open"),
    ]


@pytest.mark.parametrize("outcome", ["posted", "failed"])
def test_readers_see_a_settled_transfer_at_once(alice: User, bob: User, outcome: str) -> None:
    give(alice, 5_000)
    page = submitted(alice, amount=2_000)
    number = page.strip("/").rpartition("/")[2]
    watchers = [with_token(alice), with_token(bob)]
    for watcher in watchers:
        assert json_of(watcher.api.get(f"/api/v2/transfers/{number}"))["status"] == "pending"
        with no_queries():
            watcher.api.get(f"/api/v2/transfers/{number}")

    if outcome == "failed":
        withdrawal_create(actor=alice, wallet_id=watchers[0].wallet.pk, amount=5_000)
    settle()

    for watcher in watchers:
        assert json_of(watcher.api.get(f"/api/v2/transfers/{number}"))["status"] == outcome
        assert json_of(watcher.api.get(f"/transactions/{number}"))["status"] == outcome


def test_the_pages_follow_a_transfer_until_it_is_settled(alice: User, bob: User) -> None:
    give(alice, 5_000)
    client = with_session(alice).api.client
    for path in ("/", "/history/"):
        assert "Pending" not in read(client, path)

    receipt = submitted(alice, amount=2_000)
    for path in ("/", "/history/", receipt):
        assert "Pending" in read(client, path)

    settle()
    for path in ("/", "/history/", receipt):
        assert "Pending" not in read(client, path)
    assert "Money sent" in read(client, receipt)


def test_the_next_page_shows_a_failed_transfer(alice: User, bob: User) -> None:
    give(alice, 5_000)
    submitted(alice, amount=2_000)
    client = with_session(alice).api.client
    assert "Pending" in read(client, "/")
    withdrawal_create(actor=alice, wallet_id=alice.wallets.get().pk, amount=4_000)

    settle()

    page = read(client, "/")
    assert "Pending" not in page
    assert "Failed" in page


def test_a_users_cached_objects_are_shown_to_nobody_else(alice: User, bob: User, charlie: User) -> None:
    give(alice, 5_000)
    moved = transfer_create(
        actor=alice, request=TransferRequest(source_id=alice.wallets.get().pk, recipient="bob", amount=1_500)
    ).transaction
    owner = with_token(alice)
    for path in paths_of(owner):
        assert owner.api.get(path).status_code == 200

    for stranger in (with_token(charlie), with_session(charlie)):
        assert_problem(stranger.api.get(owner.wallet_path), "not_found", 404)
        assert_problem(stranger.api.get(f"{owner.wallet_path}/transactions"), "not_found", 404)
        assert_problem(stranger.api.get(f"/transactions/{moved.pk}"), "not_found", 404)
    for page in (f"/transactions/{moved.pk}/", *(f"{path}?wallet={owner.wallet.pk}" for path in ("/", "/live/"))):
        assert with_session(charlie).api.client.get(page).status_code == 404
    assert json_of(with_token(bob).api.get(f"/transactions/{moved.pk}"))["amount"] == 1_500


def test_a_wiped_redis_costs_queries_and_changes_no_answer(alice: User, bob: User) -> None:
    give(alice, 5_000)
    someone, client = with_token(alice), with_session(alice).api.client
    paths = paths_of(someone)
    before = [json_of(someone.api.get(path)) for path in paths]
    client.get("/")

    cache.clear()

    for path, answer in zip(paths, before, strict=True):
        with some_queries():
            assert json_of(someone.api.get(path)) == answer
    with some_queries():
        assert "$50" in text_of(client.get("/"))


def test_a_page_of_history_is_cut_at_the_version_at_which_its_wallet_was_read(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries that are added between reading the wallet and reading the entries belong to the next version's page."""
    give(alice, 100)
    someone = with_token(alice)

    def overtaken(**named: Any) -> Any:
        head = wallet_view_get(**named)
        monkeypatch.undo()
        give(alice, 200)
        return head

    monkeypatch.setattr(wallet_gateway(), "wallet_view_get", overtaken)
    path = f"{someone.wallet_path}/transactions"
    assert [entry["amount"] for entry in json_of(someone.api.get(path))["results"]] == [100]
    assert [entry["amount"] for entry in json_of(someone.api.get(path))["results"]] == [200, 100]


def test_each_query_of_a_history_has_its_own_page(alice: User, bob: User, settings: Settings) -> None:
    give(alice, 100)
    give(alice, 200)
    transfer_create(actor=alice, request=TransferRequest(source_id=alice.wallets.get().pk, recipient="bob", amount=50))
    someone = with_token(alice)
    path = f"{someone.wallet_path}/transactions"
    older = json_of(someone.api.get(path, {"limit": 1}))["next"]
    pages = [path, older, *(f"{path}?{question}" for question in QUESTIONS)]
    settings.CACHE_ENABLED = False
    asked_of_postgres = [json_of(someone.api.get(page)) for page in pages]

    settings.CACHE_ENABLED = True
    for _ in range(2):
        assert [json_of(someone.api.get(page)) for page in pages] == asked_of_postgres
    assert "direction=in" in json_of(someone.api.get(path, {"direction": "in", "limit": 1}))["next"]


def test_paging_through_a_history_shows_each_entry_once_while_more_are_added(alice: User) -> None:
    for amount in range(1, 8):
        give(alice, amount)
    someone = with_token(alice)
    page = json_of(someone.api.get(f"{someone.wallet_path}/transactions", {"limit": 3}))
    met = [entry["sequence"] for entry in page["results"]]
    while page["next"]:
        give(alice, 1)
        page = json_of(someone.api.get(page["next"]))
        met += [entry["sequence"] for entry in page["results"]]
    assert met == [7, 6, 5, 4, 3, 2, 1]


def test_the_first_page_of_an_anonymous_visitor_takes_no_query(client: Client) -> None:
    with no_queries():
        assert client.get("/").status_code == 200
