"""How templates show money, days and users."""

import datetime

import pytest
from django.utils import timezone

from wallets.domain.currencies import CURRENCIES
from wallets.domain.money import BALANCE_MAX
from wallets.templatetags.ui import HUES, MINUS, balance, currency_name, currency_sign, day, hue, money, money_signed


def test_it_signs_amounts_on_either_side_of_zero() -> None:
    assert money_signed(2_000, "USD") == "+$20.00"
    assert money_signed(-2_000, "USD") == f"{MINUS}$20.00"
    assert money(-5, "JPY") == f"{MINUS}¥5"


def test_it_sets_the_minor_units_smaller_and_keeps_every_digit() -> None:
    assert balance(123_456, "USD") == (
        '<span class="balance balance-short">$1,234<span class="balance-change">.56</span></span>'
    )
    assert balance(7, "JPY") == '<span class="balance balance-short">¥7<span class="balance-change"></span></span>'
    assert "balance-longest" in balance(BALANCE_MAX, "USD")


def test_it_knows_a_name_and_a_sign_for_every_currency() -> None:
    for code in CURRENCIES:
        assert currency_name(code)
        assert currency_sign(code)


def test_it_names_recent_days_today_and_yesterday() -> None:
    today = timezone.localdate()
    assert day(today) == "Today"
    assert day(today - datetime.timedelta(days=1)) == "Yesterday"
    assert day(datetime.date(2020, 2, 3)) == "February 3, 2020"


@pytest.mark.parametrize("name", ["alice", "bob", "charlie", "", "é"])
def test_it_gives_a_name_the_same_hue_every_time(name: str) -> None:
    assert hue(name) == hue(name)
    assert 0 <= hue(name) < HUES
