"""The currencies are those of ISO 4217, and their numeric codes are the ids of the outside wallets."""

import pytest
from babel.numbers import get_currency_name

from wallets.domain.currencies import CURRENCIES


@pytest.mark.parametrize(
    ("code", "numeric", "exponent"),
    [
        ("USD", 840, 2),
        ("EUR", 978, 2),
        ("GBP", 826, 2),
        ("CHF", 756, 2),
        ("ALL", 8, 2),
        ("JPY", 392, 0),
        ("KRW", 410, 0),
        ("ISK", 352, 0),
        ("XOF", 952, 0),
        ("KWD", 414, 3),
        ("BHD", 48, 3),
        ("TND", 788, 3),
    ],
)
def test_it_knows_the_number_and_the_decimals_of_a_currency(code: str, numeric: int, exponent: int) -> None:
    currency = CURRENCIES[code]
    assert (currency.code, currency.numeric, currency.exponent) == (code, numeric, exponent)


@pytest.mark.parametrize("code", sorted(CURRENCIES))
def test_every_code_is_three_letters_that_name_a_currency(code: str) -> None:
    currency = CURRENCIES[code]
    assert currency.code == code
    assert len(code) == 3
    assert code.isascii()
    assert code.isupper()
    assert get_currency_name(code, locale="en_US") != code


def test_numeric_codes_are_unique_and_below_the_ids_of_users_wallets() -> None:
    numerics = [currency.numeric for currency in CURRENCIES.values()]
    assert len(set(numerics)) == len(numerics)
    assert all(0 < numeric < 1_000 for numeric in numerics)


def test_a_currency_has_no_two_or_three_decimals() -> None:
    assert {currency.exponent for currency in CURRENCIES.values()} == {0, 2, 3}


@pytest.mark.parametrize("code", ["XAU", "XDR", "XXX", "XTS", "CLF", "BOV", "usd", "US", ""])
def test_it_contains_no_metals_funds_test_codes_or_malformed_codes(code: str) -> None:
    assert code not in CURRENCIES
