"""Forms of the pages about API tokens."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.forms import BoundField

from wallets.domain.mandates import Ceiling, Scope
from wallets.domain.money import AmountError, amount_parse

#: The same as the model's `max_length`.
TOKEN_NAME_LENGTH_MAX = 80
#: How long a token can be valid, in days.
VALID_DAYS = (1, 7, 30, 90, 365)
VALID_DAYS_DEFAULT = 30


@dataclass(frozen=True, slots=True)
class CeilingFields:
    """The two fields of one currency."""

    currency: str
    per_payment: BoundField
    per_day: BoundField


class TokenForm(forms.Form):
    """A new token: the name by which the user will recognise it, what it may do, and until when.

    Each of the user's currencies has two amounts. If none is entered, the token has no ceilings.
    """

    name = forms.CharField(
        label="Name",
        max_length=TOKEN_NAME_LENGTH_MAX,
        help_text="The program that will use it, such as “backup script”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Give the token a name."},
    )
    scope = forms.ChoiceField(
        label="What it may do",
        choices=[
            (Scope.READ, "View wallets and activity"),
            (Scope.MOVE_MONEY, "View, move money and open wallets"),
        ],
        initial=Scope.READ,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what the token may do."},
    )
    valid_days = forms.TypedChoiceField(
        label="Expires after",
        coerce=int,
        choices=[(days, "1 day" if days == 1 else f"{days} days") for days in VALID_DAYS],
        initial=VALID_DAYS_DEFAULT,
        widget=forms.Select(attrs={"autocomplete": "off"}),
        error_messages={"required": "Choose when the token expires."},
    )

    def __init__(self, *args: Any, currencies: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currencies = currencies
        for currency in currencies:
            for bound in ("per_payment", "per_day"):
                self.fields[f"{bound}_{currency}"] = _amount_field(bound)

    @property
    def ceiling_rows(self) -> Iterator[CeilingFields]:
        for currency in self.currencies:
            yield CeilingFields(currency, self[f"per_payment_{currency}"], self[f"per_day_{currency}"])

    @property
    def scopes(self) -> list[Scope]:
        chosen = Scope(self.cleaned_data["scope"])
        return [scope for scope in Scope if scope in {Scope.READ, chosen}]

    @property
    def ceilings(self) -> list[Ceiling]:
        """The ceilings of the currencies for which an amount was entered."""
        entered = [
            Ceiling(
                currency=currency,
                per_payment=self.cleaned_data[f"per_payment_{currency}"],
                per_day=self.cleaned_data[f"per_day_{currency}"],
            )
            for currency in self.currencies
        ]
        return [ceiling for ceiling in entered if (ceiling.per_payment, ceiling.per_day) != (None, None)]

    @property
    def valid_for(self) -> timedelta:
        return timedelta(days=self.cleaned_data["valid_days"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for currency in self.currencies:
            self._amounts_clean(cleaned, currency)
        if not self.errors and cleaned["scope"] == Scope.READ and self.ceilings:
            self.add_error("scope", "A token that only views needs no limits. Remove them, or let it move money.")
        return cleaned

    def _amounts_clean(self, cleaned: dict[str, Any], currency: str) -> None:
        for name in (f"per_payment_{currency}", f"per_day_{currency}"):
            typed = cleaned.get(name)
            try:
                cleaned[name] = amount_parse(typed, currency=currency) if typed else None
            except AmountError as error:
                self.add_error(name, str(error))


def _amount_field(bound: str) -> forms.CharField:
    label = "Per payment" if bound == "per_payment" else "Per day"
    attrs = {"inputmode": "decimal", "autocomplete": "off"}
    return forms.CharField(label=label, required=False, max_length=40, widget=forms.TextInput(attrs=attrs))
