"""Money as integers of minor units (cents), and its conversion from typed text and to text for users."""

import re
from collections.abc import Mapping
from decimal import Decimal

from babel.numbers import format_currency, get_currency_symbol

from wallets.domain.currencies import CURRENCIES, Currency

#: The smallest and the largest amount that one transaction may move, in minor units.
AMOUNT_MIN = 1
AMOUNT_MAX = 999_999_999_999_999
#: The largest balance, in minor units: 2^53 - 1, the largest integer that every JSON parser reads exactly.
BALANCE_MAX = 2**53 - 1

# Only ASCII digits: \d would accept the digits of other scripts, which users could misread.
_TYPED = re.compile(r"(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.(?P<fraction>[0-9]+))?")
_SYMBOLS: Mapping[str, str] = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹"}


class AmountError(ValueError):
    """The typed text is not an amount of money. The message tells the user why."""


def currency_get(code: str) -> Currency:
    """The currency with this ISO 4217 code. Raises KeyError for an unknown code."""
    return CURRENCIES[code]


def amount_parse(text: str, *, currency: str) -> int:
    """Minor units of a typed amount such as "1,234.5" or "$12" (USD: 123450, 1200).

    Raises AmountError for anything else: signs, exponents, too many decimals, zero, more than AMOUNT_MAX.
    """
    money = currency_get(currency)
    bare = text.strip().removeprefix(_SYMBOLS.get(currency, currency)).strip()
    match = _TYPED.fullmatch(bare)
    if match is None:
        raise AmountError(f"Enter an amount such as {_example(money)}.")
    fraction = match["fraction"] or ""
    if len(fraction) > money.exponent:
        raise AmountError(_decimals(money))
    # Without leading zeros and checked before int(), which refuses a very long text and is slow for a long one.
    digits = (match["whole"].replace(",", "") + fraction.ljust(money.exponent, "0")).lstrip("0")
    if len(digits) > len(str(AMOUNT_MAX)):
        raise AmountError(f"The maximum amount is {amount_format(AMOUNT_MAX, currency=currency)}.")
    amount = int(digits or "0")
    if amount < AMOUNT_MIN:
        raise AmountError("Enter an amount greater than zero.")
    return amount


def amount_format(amount: int, *, currency: str, locale: str = "en_US") -> str:
    """Minor units as text for users: 123450 USD is "$1,234.50", -5 JPY is "-¥5". Uses no floats."""
    money = currency_get(currency)
    # Decimal shifts the point exactly. The default context has 28 digits, enough for every int64.
    value = Decimal(amount).scaleb(-money.exponent)
    return str(format_currency(value, currency, format=_pattern(money), locale=locale, currency_digits=False))


def amount_plain(amount: int, *, currency: str) -> str:
    """Minor units as a plain decimal number, for form fields and CSV: 123450 USD is "1234.50"."""
    exponent = currency_get(currency).exponent
    sign, digits = ("-" if amount < 0 else ""), str(abs(amount)).rjust(exponent + 1, "0")
    if exponent == 0:
        return sign + digits
    return f"{sign}{digits[:-exponent]}.{digits[-exponent:]}"


def _pattern(money: Currency) -> str:
    fraction = "." + "0" * money.exponent if money.exponent else ""
    # A symbol precedes the number directly ($5.00). After a code of letters comes a no-break space (KWD 5.000).
    space = "\N{NO-BREAK SPACE}" if get_currency_symbol(money.code, locale="en_US")[-1].isalpha() else ""
    return f"¤{space}#,##0{fraction}"


def _example(money: Currency) -> str:
    return amount_plain(125 * 10**money.exponent // 10 if money.exponent else 12, currency=money.code)


def _decimals(money: Currency) -> str:
    if money.exponent == 0:
        return f"{money.code} has no decimal places."
    return f"{money.code} allows at most {money.exponent} decimal places."
