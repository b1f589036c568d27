"""The demo's story makes sense on any day on which the demo is created."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta

import pytest

from transactions.demo.people import PEOPLE
from transactions.demo.story import DAYS, story
from wallets.domain.limits import MEMO_LENGTH_MAX
from wallets.domain.money import amount_parse

EVERY_DAY_OF_A_LEAP_YEAR = [date(2028, 1, 1) + timedelta(days=number) for number in range(366)]


def test_nobody_ever_spends_more_than_they_have() -> None:
    for today in EVERY_DAY_OF_A_LEAP_YEAR:
        balances: Counter[tuple[str, str]] = Counter()
        for moment, move in story(today=today):
            amount, _ = move.turn(moment.date())
            cents = amount_parse(amount, currency=move.currency)
            if move.payee:
                balances[move.payee, move.currency] += cents
            if move.payer:
                balances[move.payer, move.currency] -= cents
                assert balances[move.payer, move.currency] >= 0, (today, moment, move)


def test_it_is_in_order_of_time_and_ends_yesterday() -> None:
    for today in EVERY_DAY_OF_A_LEAP_YEAR:
        moments = [moment for moment, _ in story(today=today)]

        assert moments == sorted(moments)
        assert moments[0].date() == today - timedelta(days=DAYS)
        assert moments[-1] < datetime.combine(today, time.min, tzinfo=UTC)


@pytest.mark.parametrize("today", [date(2026, 11, 22), date(2028, 3, 1)])
def test_its_memos_read_well(today: date) -> None:
    memos = [move.turn(moment.date())[1] for moment, move in story(today=today)]

    assert all(memo and len(memo) <= MEMO_LENGTH_MAX and "{" not in memo for memo in memos)
    assert any(memo.startswith("Rent for ") for memo in memos)


def test_every_user_but_the_staff_has_transactions() -> None:
    moves = [move for _, move in story(today=date(2026, 11, 22))]

    assert len(moves) > 150
    assert {move.currency for move in moves} == {"USD", "EUR", "JPY"}
    assert {name for move in moves for name in (move.payer, move.payee) if name} == {
        person.username for person in PEOPLE if not person.is_staff
    }
