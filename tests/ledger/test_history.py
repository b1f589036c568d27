"""Paging through a history yields each entry once, in both directions, with filters and during writes."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from tests.people import deposit, funded, person, wallet_of
from transactions.ledger.commands import Command
from transactions.ledger.post import post
from transactions.models import Entry, Kind
from transactions.selectors import EntryPage, HistoryQuery, entry_page, sequence_at
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import Wallet

pytestmark = pytest.mark.django_db

FIRST_DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAYS = 12
ENTRIES = 50


@pytest.fixture
def wallet(db: None) -> Wallet:
    """Alice's wallet, with entries of every kind and direction over twelve days, several at the same time."""
    alice, bob = wallet_of(person("alice")), wallet_of(person("bob"))
    Wallet.objects.filter(id__in=[alice.id, bob.id]).update(updated_at=FIRST_DAY)
    initiator = alice.owner_id or 0
    shapes = [
        {"kind": Kind.DEPOSIT, "amount": 100, "destination_id": alice.id},
        {"kind": Kind.TRANSFER, "amount": 60, "source_id": alice.id, "destination_id": bob.id},
        {"kind": Kind.TRANSFER, "amount": 10, "source_id": bob.id, "destination_id": alice.id},
        {"kind": Kind.WITHDRAWAL, "amount": 5, "source_id": alice.id},
    ]
    for day in range(DAYS):
        numbers = [number for number in range(ENTRIES) if number * DAYS // ENTRIES == day]
        commands = [Command(initiator_id=initiator, **shapes[number % len(shapes)]) for number in numbers]  # type: ignore[arg-type]
        assert all(outcome.transaction for outcome in post(commands, at=FIRST_DAY + timedelta(days=day)))
    return alice


def everything(wallet: Wallet) -> list[Entry]:
    """All entries, newest first, by a plain query."""
    return sorted(
        Entry.objects.filter(wallet=wallet).select_related("transaction"),
        key=lambda entry: entry.sequence or 0,
        reverse=True,
    )


def sequences(page: EntryPage) -> list[int | None]:
    return [entry.sequence for entry in page.entries]


def pages_forth(wallet: Wallet, query: HistoryQuery) -> list[EntryPage]:
    pages = [entry_page(wallet_id=wallet.id, query=query)]
    while pages[-1].next:
        assert len(pages) <= ENTRIES
        pages.append(entry_page(wallet_id=wallet.id, query=replace(query, cursor=pages[-1].next)))
    return pages


def pages_back(wallet: Wallet, query: HistoryQuery, last: EntryPage) -> list[EntryPage]:
    pages = [last]
    while pages[0].previous:
        assert len(pages) <= ENTRIES
        pages.insert(0, entry_page(wallet_id=wallet.id, query=replace(query, cursor=pages[0].previous)))
    return pages


moments = st.one_of(
    st.none(),
    st.datetimes(datetime(2026, 2, 27), datetime(2026, 3, 15)).map(lambda moment: moment.replace(tzinfo=UTC)),  # noqa: DTZ001
    st.integers(-1, DAYS).map(lambda day: FIRST_DAY + timedelta(days=day)),
    st.integers(-1, DAYS).map(lambda day: FIRST_DAY + timedelta(days=day, microseconds=1)),
)
queries = st.builds(
    HistoryQuery,
    limit=st.one_of(st.integers(1, 12), st.just(100)),
    kind=st.one_of(st.none(), st.sampled_from(Kind)),
    direction=st.sampled_from([None, "in", "out"]),
    since=moments,
    until=moments,
)


def wanted(entry: Entry, query: HistoryQuery) -> bool:
    return (
        (query.kind is None or entry.transaction.kind == query.kind)
        and (query.direction is None or (entry.amount > 0) == (query.direction == "in"))
        and (query.since is None or entry.created_at >= query.since)
        and (query.until is None or entry.created_at < query.until)
    )


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=queries)
def test_paging_in_both_directions_equals_filtering_all_entries(wallet: Wallet, query: HistoryQuery) -> None:
    expected = [entry.sequence for entry in everything(wallet) if wanted(entry, query)]
    forth = pages_forth(wallet, query)
    assert [sequence for page in forth for sequence in sequences(page)] == expected
    assert all(len(page.entries) == query.limit for page in forth[:-1])
    assert forth[0].previous is None
    back = pages_back(wallet, query, forth[-1])
    assert [sequences(page) for page in back] == [sequences(page) for page in forth]
    assert all(page.next for page in back[:-1])


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moment=moments.filter(bool))
def test_a_time_is_resolved_to_the_first_entry_at_or_after_it(wallet: Wallet, moment: datetime) -> None:
    at_or_later = [entry.sequence for entry in everything(wallet) if entry.created_at >= moment]
    assert sequence_at(wallet_id=wallet.id, moment=moment) == min([s for s in at_or_later if s] or [ENTRIES + 1])


def test_new_entries_neither_repeat_nor_hide_others_while_paging(wallet: Wallet) -> None:
    before = [entry.sequence for entry in everything(wallet)]
    seen: list[int | None] = []
    page = entry_page(wallet_id=wallet.id, query=HistoryQuery(limit=7))
    while True:
        seen += sequences(page)
        if page.next is None:
            break
        deposit(wallet, 1)
        page = entry_page(wallet_id=wallet.id, query=HistoryQuery(limit=7, cursor=page.next))
    assert seen == before
    newer = pages_back(wallet, HistoryQuery(limit=7), page)
    arrived = (ENTRIES - 1) // 7
    assert [sequence for page in newer for sequence in sequences(page)] == [*range(ENTRIES + arrived, 0, -1)]


def test_an_empty_history_is_one_empty_page() -> None:
    bob = wallet_of(person("bob"))
    query = HistoryQuery(since=FIRST_DAY, until=FIRST_DAY)
    for page in (entry_page(wallet_id=bob.id, query=HistoryQuery()), entry_page(wallet_id=bob.id, query=query)):
        assert page == EntryPage(entries=[], next=None, previous=None)


def test_a_history_contains_only_the_wallets_entries(wallet: Wallet) -> None:
    page = entry_page(wallet_id=wallet.id, query=HistoryQuery(limit=100))
    assert len(page.entries) == ENTRIES
    assert {entry.wallet_id for entry in page.entries} == {wallet.id}
    assert all(
        newer.balance_after == (older.balance_after or 0) + newer.amount for newer, older in pairwise(page.entries)
    )


@pytest.mark.parametrize("limit", [1, 49, 50, 51, 100])
def test_a_last_page_that_is_exactly_full_has_no_next_page(wallet: Wallet, limit: int) -> None:
    page = entry_page(wallet_id=wallet.id, query=HistoryQuery(limit=limit))
    assert len(page.entries) == min(limit, ENTRIES)
    assert (page.next is not None) == (limit < ENTRIES)


def test_a_cursor_continues_where_it_was_made(wallet: Wallet) -> None:
    first = entry_page(wallet_id=wallet.id, query=HistoryQuery(limit=5))
    wider = entry_page(wallet_id=wallet.id, query=HistoryQuery(limit=10, cursor=first.next))
    assert sequences(wider) == [*range(45, 35, -1)]


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "x", "%", "....", "older:5", "\0", "é", "=", "====", "a" * 10_000),
        *map(_encoded, ["older", "older:", "older:0", "older:-1", "older:1.5", "older:x", "newer:0", "sideways:5"]),
        *map(_encoded, ["older:\N{ARABIC-INDIC DIGIT FIVE}", "older:\N{SUPERSCRIPT TWO}"]),
        *map(
            _encoded,
            [
                "older: 5",
                "older:5 ",
                "older:+5",
                "older:1_0",
                "older:\N{ARABIC-INDIC DIGIT FIVE}",
                "older:5:6",
                ":5",
                "Older:5",
            ],
        ),
        *map(_encoded, ["older:9223372036854775808", "older:99999999999999999999", "older:" + "9" * 5_000]),
    ],
)
def test_a_cursor_that_the_server_did_not_make_is_malformed(wallet: Wallet, cursor: str) -> None:
    with pytest.raises(WalletError) as refusal:
        entry_page(wallet_id=wallet.id, query=HistoryQuery(cursor=cursor))
    assert refusal.value.code == ErrorCode.MALFORMED
    assert set(refusal.value.fields) == {"cursor"}


@pytest.mark.parametrize("cursor", ["newer:9223372036854775807", "older:1", "newer:50"])
def test_a_cursor_beyond_the_ends_finds_nothing(wallet: Wallet, cursor: str) -> None:
    page = entry_page(wallet_id=wallet.id, query=HistoryQuery(cursor=_encoded(cursor)))
    assert page.entries == []
    assert page.next is None


def test_a_page_with_transactions_and_owners_is_one_query(
    wallet: Wallet, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        page = entry_page(wallet_id=wallet.id, query=HistoryQuery(limit=40, kind=Kind.TRANSFER, direction="out"))
        names = {
            side.owner.username
            for entry in page.entries
            for side in (entry.transaction.source, entry.transaction.destination)
            if side and side.owner
        }
    assert names == {"alice", "bob"}


def test_a_time_is_found_with_few_queries(
    wallet: Wallet, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(1 + ENTRIES.bit_length()):
        sequence_at(wallet_id=wallet.id, moment=FIRST_DAY + timedelta(days=5))


def test_a_history_of_one_entry_is_one_page() -> None:
    charlie = funded("charlie", 5)
    page = entry_page(wallet_id=charlie.id, query=HistoryQuery(limit=1))
    assert sequences(page) == [1]
    assert (page.next, page.previous) == (None, None)
