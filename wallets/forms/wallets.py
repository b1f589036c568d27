"""Forms of the pages about wallets and the user's account."""

import functools
from collections.abc import Collection
from typing import Any

from babel.numbers import get_currency_name
from django import forms

from wallets.domain.currencies import CURRENCIES
from wallets.domain.display_names import DISPLAY_NAME_LENGTH_MAX

#: Frequent choices, listed first.
POPULAR_CURRENCIES = ("USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "CNY", "INR", "SEK", "PLN", "KWD")


class WalletOpenForm(forms.Form):
    """A currency in which the user has no wallet yet."""

    currency = forms.ChoiceField(
        label="Currency",
        widget=forms.Select(attrs={"autocomplete": "off"}),
        error_messages={"required": "Choose a currency."},
    )

    def __init__(self, *args: Any, taken: Collection[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["currency"].choices = _currency_choices(taken)  # type: ignore[attr-defined]


class DisplayNameForm(forms.Form):
    """What the user wants to be called."""

    display_name = forms.CharField(
        label="Name",
        required=False,
        max_length=DISPLAY_NAME_LENGTH_MAX,
        help_text="Others see it when they send you money. Leave it empty to be called by your username.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


def _currency_choices(taken: Collection[str]) -> list[tuple[str, Any]]:
    popular = [code for code in POPULAR_CURRENCIES if code not in taken]
    others = [code for code in CURRENCIES if code not in taken and code not in POPULAR_CURRENCIES]
    return [
        ("", "Choose a currency"),
        ("Popular currencies", [(code, currency_label(code)) for code in popular]),
        ("Other currencies", [(code, currency_label(code)) for code in others]),
    ]


@functools.cache
def currency_label(code: str) -> str:
    return f"{code}: {get_currency_name(code, locale='en_US')}"
