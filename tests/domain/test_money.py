"""Parsing amounts that users type, and formatting amounts that users read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallets.domain.currencies import CURRENCIES
from wallets.domain.money import (
    AMOUNT_MAX,
    AMOUNT_MIN,
    BALANCE_MAX,
    AmountError,
    amount_format,
    amount_parse,
    amount_plain,
    currency_get,
)

NBSP = "\N{NO-BREAK SPACE}"
currencies = st.sampled_from(sorted(CURRENCIES))
amounts = st.integers(AMOUNT_MIN, AMOUNT_MAX)


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("5", "USD", 500),
        ("5.0", "USD", 500),
        ("5.25", "USD", 525),
        ("0.01", "USD", 1),
        ("1234.5", "USD", 123_450),
        ("1,234.50", "USD", 123_450),
        ("1,234,567.89", "USD", 123_456_789),
        ("$12", "USD", 1_200),
        ("$ 12.30", "USD", 1_230),
        ("  7  ", "USD", 700),
        (f"{NBSP}7{NBSP}", "USD", 700),
        ("€3", "EUR", 300),
        ("£3", "GBP", 300),
        ("CHF 3", "CHF", 300),
        ("1200", "JPY", 1_200),
        ("¥1,200", "JPY", 1_200),
        ("1.234", "KWD", 1_234),
        ("0.001", "KWD", 1),
        ("KWD 1", "KWD", 1_000),
        ("007", "USD", 700),
        ("9999999999999.99", "USD", AMOUNT_MAX),
        ("999999999999999", "JPY", AMOUNT_MAX),
        ("999999999999.999", "KWD", AMOUNT_MAX),
    ],
)
def test_it_parses_what_users_type(text: str, currency: str, amount: int) -> None:
    assert amount_parse(text, currency=currency) == amount


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "$", ".", ",", ".5", "5.", "abc", "$$5", "5$", "€5", "USD5USD"),
        *("+5", "-5", "-0.01", "--5", "5-", "(5)", "5 5", "1 234", "1'234", "1_000"),
        *("1e3", "1E3", "5e-1", "0x10", "0b1", "inf", "Infinity", "nan", "NaN", "None", "true"),
        *(
            "1,2",
            "1,23",
            "1,2345",
            "12,34,567",
            "1234,567",
            ",123",
            "1,,234",
            "1,234,",
            "1.2.3",
            "1.234,50",
            "1,234.5.6",
        ),
        *(
            "\N{ARABIC-INDIC DIGIT FIVE}",
            "\N{FULLWIDTH DIGIT FIVE}",
            "\N{DEVANAGARI DIGIT FIVE}",
            "\N{SUPERSCRIPT TWO}",
        ),
        *(
            "5\0",
            "\x005",
            "5\n5",
            "5\u200b",
            "\N{MINUS SIGN}5",
            "\N{VULGAR FRACTION ONE HALF}",
            "\N{SUPERSCRIPT TWO}",
            "5%",
            "5;",
        ),
        *("\N{FULLWIDTH DOLLAR SIGN}5", "5\N{FULLWIDTH FULL STOP}5", "[5]", '"5"', "5,000.001"),
    ],
)
def test_it_refuses_every_other_form(text: str) -> None:
    with pytest.raises(AmountError):
        amount_parse(text, currency="USD")


@pytest.mark.parametrize(
    ("text", "currency", "message"),
    [
        ("five", "USD", "Enter an amount such as 12.50."),
        ("five", "JPY", "Enter an amount such as 12."),
        ("five", "KWD", "Enter an amount such as 12.500."),
        ("5.001", "USD", "USD allows at most 2 decimal places."),
        ("5.000", "USD", "USD allows at most 2 decimal places."),
        ("5.0", "JPY", "JPY has no decimal places."),
        ("5.0001", "KWD", "KWD allows at most 3 decimal places."),
        ("0", "USD", "Enter an amount greater than zero."),
        ("0.00", "USD", "Enter an amount greater than zero."),
        ("000", "JPY", "Enter an amount greater than zero."),
        ("10000000000000", "USD", "The maximum amount is $9,999,999,999,999.99."),
        ("1000000000000000", "JPY", "The maximum amount is ¥999,999,999,999,999."),
    ],
)
def test_it_tells_the_user_what_is_wrong(text: str, currency: str, message: str) -> None:
    with pytest.raises(AmountError) as refusal:
        amount_parse(text, currency=currency)
    assert str(refusal.value) == message


@pytest.mark.parametrize("digits", ["9" * 5_000, "1" + "0" * 1_000_000])
def test_it_refuses_a_number_of_any_length_as_too_large(digits: str) -> None:
    with pytest.raises(AmountError, match="The maximum amount"):
        amount_parse(digits, currency="USD")


@pytest.mark.parametrize("zeros", [20, 5_000, 1_000_000])
def test_it_ignores_any_number_of_leading_zeros(zeros: int) -> None:
    assert amount_parse("0" * zeros + "1", currency="USD") == 100
    with pytest.raises(AmountError, match="greater than zero"):
        amount_parse("0" * zeros, currency="USD")


def test_an_unknown_currency_is_a_programming_error() -> None:
    with pytest.raises(KeyError):
        currency_get("XXX")
    with pytest.raises(KeyError):
        amount_parse("5", currency="usd")


@given(amount=amounts, currency=currencies)
def test_it_parses_every_plain_number_that_it_writes(amount: int, currency: str) -> None:
    assert amount_parse(amount_plain(amount, currency=currency), currency=currency) == amount


@given(amount=amounts, currency=st.sampled_from(["USD", "EUR", "GBP", "JPY", "INR", "KWD", "CHF", "BHD"]))
def test_it_parses_every_amount_as_it_is_shown(amount: int, currency: str) -> None:
    assert amount_parse(amount_format(amount, currency=currency), currency=currency) == amount


@given(text=st.text())
def test_any_text_is_an_amount_in_range_or_refused(text: str) -> None:
    try:
        amount = amount_parse(text, currency="USD")
    except AmountError:
        return
    assert AMOUNT_MIN <= amount <= AMOUNT_MAX


@pytest.mark.parametrize(
    ("amount", "currency", "shown", "plain"),
    [
        (0, "USD", "$0.00", "0.00"),
        (1, "USD", "$0.01", "0.01"),
        (-1, "USD", "-$0.01", "-0.01"),
        (123_450, "USD", "$1,234.50", "1234.50"),
        (-5, "JPY", "-¥5", "-5"),
        (0, "JPY", "¥0", "0"),
        (1_234_567, "EUR", "€12,345.67", "12345.67"),
        (1_234, "KWD", f"KWD{NBSP}1.234", "1.234"),
        (-1, "KWD", f"-KWD{NBSP}0.001", "-0.001"),
        (100, "ISK", f"ISK{NBSP}100", "100"),
        # CLDR would show some of these without decimals. The books count in ISO's minor units, so users must see them.
        (1_050, "IQD", f"IQD{NBSP}1.050", "1.050"),
        (150, "ALL", f"ALL{NBSP}1.50", "1.50"),
        (BALANCE_MAX, "USD", "$90,071,992,547,409.91", "90071992547409.91"),
        (-(2**63), "KWD", f"-KWD{NBSP}9,223,372,036,854,775.808", "-9223372036854775.808"),
    ],
)
def test_it_formats_money_for_users(amount: int, currency: str, shown: str, plain: str) -> None:
    assert amount_format(amount, currency=currency) == shown
    assert amount_plain(amount, currency=currency) == plain


@given(amount=st.integers(-(2**63), 2**63 - 1), currency=currencies)
def test_formatting_never_drops_a_digit(amount: int, currency: str) -> None:
    shown = amount_format(amount, currency=currency)
    digits = "".join(character for character in shown if character in "0123456789")
    assert int(digits) == abs(amount)
    assert shown.startswith("-") == (amount < 0)


def test_a_json_parser_with_floats_reads_the_largest_balance_exactly() -> None:
    assert int(float(BALANCE_MAX)) == BALANCE_MAX
    assert int(float(BALANCE_MAX + 2)) != BALANCE_MAX + 2
    assert AMOUNT_MAX < BALANCE_MAX
