"""The form of the page about spending limits."""

from collections.abc import Mapping
from typing import Any

from django import forms

from wallets.domain.money import AmountError, amount_parse, amount_plain, currency_get
from wallets.spending import LimitsView

_WIDGET = {"inputmode": "decimal", "autocomplete": "off"}


class LimitsForm(forms.Form):
    """The limits of one wallet, as a user types amounts; at first those that are scheduled, or else those that count.
    Empty: no limit."""

    per_payment = forms.CharField(
        label="Per payment",
        required=False,
        max_length=40,
        help_text="The most that one transfer or withdrawal may move. Empty: any amount.",
        widget=forms.TextInput(attrs=_WIDGET),
    )
    per_day = forms.CharField(
        label="Per day",
        required=False,
        max_length=40,
        help_text="The most that may leave the wallet per day (UTC). Empty: any amount.",
        widget=forms.TextInput(attrs=_WIDGET),
    )
    step_up_above = forms.CharField(
        label="Confirm your identity above",
        max_length=40,
        help_text="For larger payments, and for every first payment and withdrawal, a browser asks you again for your "
        "password or code. 0: for every payment.",
        widget=forms.TextInput(attrs=_WIDGET),
        error_messages={"required": "Enter an amount."},
    )

    def __init__(self, data: Any = None, *, limits: LimitsView, draft: Mapping[str, str] | None = None) -> None:
        amounts = {
            "per_payment": limits.per_payment if limits.next_at is None else limits.next_per_payment,
            "per_day": limits.per_day if limits.next_at is None else limits.next_per_day,
            "step_up_above": limits.step_up_above,
        }
        shown = {name: _text(amount, limits.currency) for name, amount in amounts.items()}
        super().__init__(data, initial={**shown, **(draft or {})})
        self.limits = limits

    def clean_per_payment(self) -> int | None:
        return self._amount("per_payment")

    def clean_per_day(self) -> int | None:
        return self._amount("per_day")

    def clean_step_up_above(self) -> int | None:
        return self._amount("step_up_above")

    def _amount(self, name: str) -> int | None:
        text: str = self.cleaned_data[name]
        if not text:
            return None
        # 0 is a limit, but not an amount that a payment could have.
        if not text.strip("0.,"):
            return 0
        try:
            return amount_parse(text, currency=self.limits.currency)
        except AmountError as error:
            raise forms.ValidationError(str(error)) from error


def _text(amount: int | None, currency: str) -> str:
    if amount is None:
        return ""
    text = amount_plain(amount, currency=currency)
    # "100" is easier to read than "100.00".
    zeros = "." + "0" * currency_get(currency).exponent
    return text.removesuffix(zeros)
