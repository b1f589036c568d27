"""Admin lists find what staff search for, with a number of queries that does not depend on their length."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from kit.admin.big_tables import PAGE_ROWS
from tests.audit.books import Books
from tests.staff import browser_of
from transactions.models import Entry, Transaction
from transactions.recipients import TransferRequest
from transactions.services import deposit_create, transfer_create
from wallets.models import User, Wallet
from wallets.services import user_register, wallet_freeze, wallet_open
from wallets.tokens.services import token_issue

WALLETS = "/admin/wallets/wallet/"
USERS = "/admin/wallets/user/"
TOKENS = "/admin/wallets/apitoken/"
EVENTS = "/admin/wallets/walletstatusevent/"
TRANSACTIONS = "/admin/transactions/transaction/"
ENTRIES = "/admin/transactions/entry/"
LISTS = [WALLETS, USERS, TOKENS, EVENTS, TRANSACTIONS, ENTRIES]
#: The session and the user (twice: the admin reads both from Postgres), their rights, the rows, whether there is a
#: password to change, and in some lists the currencies.
QUERIES_MAX = 8


def _pks(client: Client, path: str, **query: str | date) -> list[object]:
    response = client.get(path, {name: str(value) for name, value in query.items()})
    assert response.status_code == 200
    return [row.pk for row in response.context["cl"].result_list]


def _user_with_history(root: User, number: int) -> None:
    """Creates a user with two wallets, of which one is frozen, a token and some transactions."""
    user = user_register(username=f"person-{number}", email=f"person-{number}@example.com", password="x")
    euros = wallet_open(owner=user, currency="EUR")
    dollars = Wallet.objects.get(owner=user, currency="USD")
    deposit_create(actor=user, wallet_id=dollars.id, amount=500)
    transfer_create(actor=user, request=TransferRequest(source_id=dollars.id, recipient="root", amount=100))
    token_issue(user=user, name="phone")
    wallet_freeze(wallet_id=euros.id, actor=root, reason="Just because")


@pytest.mark.parametrize("path", LISTS)
def test_a_list_makes_the_same_number_of_queries_for_one_row_as_for_many(
    superuser: Client, root: User, path: str
) -> None:
    _user_with_history(root, 0)
    superuser.get(path)
    with CaptureQueriesContext(connection) as few:
        superuser.get(path)
    for number in range(1, 8):
        _user_with_history(root, number)

    with CaptureQueriesContext(connection) as many:
        superuser.get(path)

    assert len(many) == len(few) <= QUERIES_MAX
    assert not any("COUNT(" in query["sql"].upper() for query in many)


def test_a_search_does_not_count_rows(superuser: Client, books: Books) -> None:
    for path, term in [(WALLETS, "ali"), (USERS, "ali"), (TRANSACTIONS, "alice"), (ENTRIES, str(books.alice))]:
        with CaptureQueriesContext(connection) as queries:
            assert _pks(superuser, path, q=term)

        assert len(queries) <= QUERIES_MAX + 1
        assert not any("COUNT(" in query["sql"].upper() for query in queries)


def test_a_transactions_page_makes_a_bounded_number_of_queries(superuser: Client, books: Books) -> None:
    with CaptureQueriesContext(connection) as queries:
        page = superuser.get(f"{TRANSACTIONS}{books.transfer}/change/").content.decode()

    assert len(queries) <= 14
    assert "alice USD" in page
    assert "bob USD" in page
    assert "$25.00" in page


def test_a_wallets_page_links_to_its_entries_and_transactions(superuser: Client, books: Books) -> None:
    page = superuser.get(f"{WALLETS}{books.alice}/change/").content.decode()

    assert "$70.00" in page
    assert f"{ENTRIES}?q={books.alice}" in page
    assert f"{TRANSACTIONS}?q={books.alice}" in page


@pytest.mark.parametrize(("term", "found"), [("ali", "alice"), ("ALICE", "alice"), ("bob@ex", "bob"), ("lice", None)])
def test_users_are_found_by_the_beginning_of_their_username_or_email(
    superuser: Client, books: Books, term: str, found: str | None
) -> None:
    expected = list(User.objects.filter(username=found).values_list("pk", flat=True))

    assert _pks(superuser, USERS, q=term) == expected


def test_users_are_filtered_by_active_and_staff(superuser: Client, alice: User, bob: User, root: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)

    assert _pks(superuser, USERS, is_active__exact="0") == [bob.pk]
    assert _pks(superuser, USERS, is_staff__exact="1") == [root.pk]


def test_wallets_are_found_by_id_and_by_owner(superuser: Client, books: Books) -> None:
    assert _pks(superuser, WALLETS, q=str(books.bob)) == [books.bob]
    assert _pks(superuser, WALLETS, q="bo") == [books.bob]
    assert _pks(superuser, WALLETS, q="bob@example.com") == [books.bob]
    assert _pks(superuser, WALLETS, q="nobody") == []


def test_wallets_are_filtered_by_status_and_currency(superuser: Client, books: Books, root: User) -> None:
    euros = wallet_open(owner=root, currency="EUR")
    wallet_freeze(wallet_id=books.bob, actor=root, reason="A question")

    assert _pks(superuser, WALLETS, status__exact="frozen") == [books.bob]
    assert _pks(superuser, WALLETS, currency="EUR") == [euros.id, 978]


def test_transactions_are_found_by_id_key_wallet_and_user(superuser: Client, books: Books, alice: User) -> None:
    keyed = deposit_create(actor=alice, wallet_id=books.alice, amount=1, idempotency_key="order/7").transaction

    assert _pks(superuser, TRANSACTIONS, q=str(books.transfer)) == [books.transfer]
    assert _pks(superuser, TRANSACTIONS, q=" order/7 ") == [keyed.id]
    assert _pks(superuser, TRANSACTIONS, q=str(books.bob)) == [books.transfer]
    assert _pks(superuser, TRANSACTIONS, q="Bob") == [books.transfer]
    assert _pks(superuser, TRANSACTIONS, q="bob@example.com") == [books.transfer]
    assert _pks(superuser, TRANSACTIONS, q="alice") == [keyed.id, books.withdrawal, books.transfer, books.deposit]
    assert _pks(superuser, TRANSACTIONS, q="charlie") == []


@pytest.mark.parametrize("path", LISTS)
def test_an_odd_search_term_is_no_error(superuser: Client, books: Books, path: str) -> None:
    for term in ("\0", "9" * 30, "-1", "%", "'; --", "٣", "1e5", " "):
        assert superuser.get(path, {"q": term}).status_code == 200, term


def test_transactions_are_filtered_by_kind_and_status_and_currency(superuser: Client, books: Books) -> None:
    assert _pks(superuser, TRANSACTIONS, kind__exact="withdrawal") == [books.withdrawal]
    assert _pks(superuser, TRANSACTIONS, status__exact="failed") == []
    assert len(_pks(superuser, TRANSACTIONS, currency="USD")) == 3
    assert _pks(superuser, TRANSACTIONS, currency="EUR") == []


def test_transactions_are_filtered_by_day(superuser: Client, books: Books) -> None:
    today = timezone.now().date()
    tomorrow, yesterday = today + timedelta(days=1), today - timedelta(days=1)
    everything = [books.withdrawal, books.transfer, books.deposit]

    assert _pks(superuser, TRANSACTIONS, created_from=yesterday) == everything
    assert _pks(superuser, TRANSACTIONS, created_from=yesterday, created_to=tomorrow) == everything
    assert _pks(superuser, TRANSACTIONS, created_from=tomorrow) == []
    assert _pks(superuser, TRANSACTIONS, created_to=yesterday) == []
    assert _pks(superuser, TRANSACTIONS, created_to=tomorrow, kind__exact="deposit") == [books.deposit]
    assert _pks(superuser, TRANSACTIONS, created_to=tomorrow, q="bob") == [books.transfer]
    assert _pks(superuser, TRANSACTIONS, created_from="", created_to="") == everything


@pytest.mark.parametrize("day", ["yesterday", "2026-02-31", "0001-01-01", "9999-12-31"])
def test_an_invalid_day_is_refused(superuser: Client, books: Books, day: str) -> None:
    response = superuser.get(TRANSACTIONS, {"created_to": day})

    assert response["Location"].endswith("?e=1")


def test_the_form_for_days_keeps_the_other_filters(superuser: Client, books: Books) -> None:
    page = superuser.get(TRANSACTIONS, {"kind__exact": "deposit", "q": "alice"}).content.decode()

    assert '<input type="hidden" name="kind__exact" value="deposit">' in page
    assert '<input type="hidden" name="q" value="alice">' in page


def test_entries_are_found_by_wallet_by_transaction_and_by_user(superuser: Client, books: Books) -> None:
    of_alice = list(Entry.objects.filter(wallet=books.alice).order_by("-sequence").values_list("pk", flat=True))
    of_transfer = set(Entry.objects.filter(transaction=books.transfer).values_list("pk", flat=True))
    outside = set(Entry.objects.filter(wallet=840).values_list("pk", flat=True))

    assert _pks(superuser, ENTRIES, q=str(books.alice)) == of_alice
    assert _pks(superuser, ENTRIES, q="alice") == of_alice
    assert set(_pks(superuser, ENTRIES, q=str(books.transfer))) == of_transfer
    assert set(_pks(superuser, ENTRIES, q="840")) == outside
    assert _pks(superuser, ENTRIES, q="charlie") == []


def test_status_changes_are_found_by_wallet_and_by_owner(superuser: Client, books: Books, root: User) -> None:
    wallet_freeze(wallet_id=books.bob, actor=root, reason="A question")

    assert len(_pks(superuser, EVENTS, q=str(books.bob))) == 1
    assert len(_pks(superuser, EVENTS, q="bob")) == 1
    assert _pks(superuser, EVENTS, q="alice") == []


def test_pages_go_from_newer_to_older_and_miss_nothing(superuser: Client, alice: User) -> None:
    wallet = Wallet.objects.get(owner=alice)
    for _ in range(PAGE_ROWS + 3):
        deposit_create(actor=alice, wallet_id=wallet.id, amount=1)

    first = superuser.get(TRANSACTIONS).context["cl"]
    second = superuser.get(TRANSACTIONS, {"p": 2}).context["cl"]

    assert (first.newer_url, first.older_url) == (None, "?p=2")
    assert (second.newer_url, second.older_url) == ("?p=1", None)
    seen = [moved.pk for moved in [*first.result_list, *second.result_list]]
    assert seen == list(Transaction.objects.order_by("-id").values_list("pk", flat=True))


@pytest.mark.parametrize("page", ["0", "-5", "x", "99999999999999999999"])
def test_an_odd_page_number_is_no_error(superuser: Client, books: Books, page: str) -> None:
    assert superuser.get(TRANSACTIONS, {"p": page}).status_code == 200


def test_no_page_shows_secrets(superuser: Client, alice: User) -> None:
    token, secret = token_issue(user=alice, name="phone")

    for path in (TOKENS, f"{TOKENS}{token.pk}/change/", f"{USERS}{alice.pk}/change/"):
        page = superuser.get(path).content.decode()
        assert "alice" in page
        assert secret not in page
        assert secret[:8] not in page
        assert alice.password not in page


def test_staff_with_view_permissions_see_all_lists(clerk: Client, books: Books) -> None:
    assert {path: clerk.get(path).status_code for path in LISTS} == dict.fromkeys(LISTS, 200)


def test_a_user_who_is_not_staff_sees_no_list(books: Books, alice: User) -> None:
    browser = browser_of(alice)

    assert {path: browser.get(path, follow=True).status_code for path in LISTS} == dict.fromkeys(LISTS, 403)
