"""Forms of the pages that move money or show history. They parse what a user typed; the ledger decides."""

import datetime
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.utils import timezone

from transactions.models import Kind
from transactions.selectors import HistoryQuery
from wallets.domain.currencies import CURRENCIES
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.limits import MEMO_LENGTH_MAX, RECIPIENT_LENGTH_MAX
from wallets.domain.money import AmountError, amount_parse
from wallets.domain.text import wait_words
from wallets.models import Wallet, WalletStatus

#: The only table from error codes to sentences of forms: the field that shows the refusal (None: above the form), and
#: the sentence (None: the error's detail).
REFUSALS: Mapping[ErrorCode, tuple[str | None, str | None]] = {
    ErrorCode.SPENDING_LIMIT_EXCEEDED: ("amount", None),
    ErrorCode.INSUFFICIENT_FUNDS: ("amount", "This wallet does not hold that much."),
    ErrorCode.BALANCE_LIMIT_EXCEEDED: (
        "amount",
        "This would exceed the wallet's maximum balance. Enter a smaller amount.",
    ),
    ErrorCode.WALLET_FROZEN: ("wallet", "This wallet is frozen. No money can move in or out until support reopens it."),
    ErrorCode.WALLET_CLOSED: ("wallet", "This wallet is closed. Choose another wallet."),
    ErrorCode.RECIPIENT_NOT_FOUND: ("recipient", None),
    ErrorCode.RECIPIENT_CANNOT_RECEIVE: (
        "recipient",
        "The recipient cannot receive this transfer. Ask them, or try a smaller amount.",
    ),
    ErrorCode.SAME_WALLET: (
        "recipient",
        "You cannot send money to yourself. Enter someone else's username or email.",
    ),
    ErrorCode.CURRENCY_MISMATCH: ("recipient", "The recipient has no wallet in this currency."),
    ErrorCode.NOT_FOUND: ("wallet", "Choose one of your wallets."),
    ErrorCode.MALFORMED: (None, "This form is not valid. Check it and try again."),
    ErrorCode.IDEMPOTENCY_KEY_REUSED: (
        None,
        "You already submitted this form with other details, so no money moved this time. Submit it again to continue.",
    ),
}


#: The kinds of transactions, in the words of the pages.
KIND_LABELS: Mapping[Kind, str] = {
    Kind.DEPOSIT: "Money added",
    Kind.WITHDRAWAL: "Money withdrawn",
    Kind.TRANSFER: "Transfers",
}


def idempotency_key_new() -> str:
    return f"web:{uuid.uuid4()}"


class MoneyForm(forms.Form):
    """An amount and one of the user's wallets. A hidden idempotency key makes sure that a form that is submitted twice
    moves money once."""

    wallet = forms.TypedChoiceField(
        label="Wallet",
        coerce=int,
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose a wallet.",
            "invalid_choice": "This wallet is not open. Choose another wallet.",
        },
    )
    amount = forms.CharField(
        label="Amount",
        max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "placeholder": "0.00"}),
        error_messages={"required": "Enter an amount."},
    )
    memo = forms.CharField(
        label="Note", max_length=MEMO_LENGTH_MAX, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    idempotency_key = forms.CharField(
        widget=forms.HiddenInput, validators=[RegexValidator(r"\Aweb:[0-9a-f-]{36}\Z")], initial=idempotency_key_new
    )

    def __init__(self, *args: Any, wallets: Sequence[Wallet], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.wallets = wallets
        choices = [(str(wallet.id), wallet.currency) for wallet in wallets if wallet.status == WalletStatus.OPEN]
        self.fields["wallet"].choices = choices  # type: ignore[attr-defined]
        if not self.is_bound and self.initial.get("wallet") not in dict(choices):
            self.initial["wallet"] = choices[0][0] if choices else ""

    @property
    def wallet_chosen(self) -> Wallet | None:
        """The selected wallet, in a new form as well as in a submitted one."""
        chosen = str(self["wallet"].value())
        return next((wallet for wallet in self.wallets if str(wallet.id) == chosen), None)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if "idempotency_key" not in cleaned:
            self._renew_key()
            self.add_error(None, "This form was out of date. Submit it again.")
        wallet = self.wallet_chosen
        if wallet is not None and "wallet" in cleaned and "amount" in cleaned:
            try:
                cleaned["amount"] = amount_parse(cleaned["amount"], currency=wallet.currency)
            except AmountError as error:
                self.add_error("amount", str(error))
        return cleaned

    def refuse(self, error: WalletError) -> None:
        """Shows a refusal at its field and keeps the user's input. Raises a refusal again if the table lacks its
        code."""
        entry = REFUSALS.get(error.code)
        if entry is None:
            raise error
        if error.code == ErrorCode.IDEMPOTENCY_KEY_REUSED:
            self._renew_key()
        name, sentence = entry
        self.add_error(name if name in self.fields else None, sentence or error.detail)

    def refuse_for(self, *, wait_s: int) -> None:
        """Shows that the user must wait. The form keeps the input, and the user can submit it unchanged later."""
        self.full_clean()
        self.add_error(None, f"Too many attempts. Wait {wait_words(wait_s)}, then submit the form again.")

    def _renew_key(self) -> None:
        self.data = self.data.copy()  # type: ignore[attr-defined]  # a QueryDict
        self.data["idempotency_key"] = idempotency_key_new()  # type: ignore[index]


class AddForm(MoneyForm):
    """A deposit."""

    @property
    def chips(self) -> list[str]:
        """Common amounts, offered as buttons."""
        wallet = self.wallet_chosen
        if wallet is not None and CURRENCIES[wallet.currency].exponent == 0:
            return ["1000", "5000", "10000"]
        return ["20", "50", "100", "200"]


class WithdrawForm(MoneyForm):
    """A withdrawal."""


class SendForm(MoneyForm):
    """A transfer. Submitting this form moves no money: it leads to the review page."""

    recipient = forms.CharField(
        label="To",
        help_text="A username or email.",
        max_length=RECIPIENT_LENGTH_MAX,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
        error_messages={"required": "Enter a username or email."},
    )
    field_order = ["recipient", "wallet", "amount", "memo", "idempotency_key"]


def _day_field(*, label: str) -> forms.DateField:
    """A day for a filter. The bounds keep date arithmetic in range: the years 1 and 9999 would overflow."""
    return forms.DateField(
        label=label,
        required=False,
        widget=forms.DateInput(attrs={"type": "date", "autocomplete": "off"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
        validators=[MinValueValidator(datetime.date(2000, 1, 1)), MaxValueValidator(datetime.date(2999, 12, 31))],
        error_messages={"invalid": "Enter a date such as 2025-11-21."},
    )


class HistoryForm(forms.Form):
    """The filters of a history. A GET form, so that users can bookmark its URL."""

    direction = forms.ChoiceField(
        label="Direction",
        choices=[("", "All"), ("in", "Money in"), ("out", "Money out")],
        required=False,
        widget=forms.RadioSelect,
    )
    kind = forms.ChoiceField(
        label="Type",
        choices=[("", "All types"), *KIND_LABELS.items()],
        required=False,
        widget=forms.Select(attrs={"autocomplete": "off"}),
    )
    since = _day_field(label="From")
    until = _day_field(label="To")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            self.add_error("until", "Choose a date that is not before “From”.")
        return cleaned

    def query(self, *, cursor: str | None) -> HistoryQuery:
        """The query that the filters describe. Days are in the current time zone; `until` includes its day."""
        given = self.cleaned_data
        return HistoryQuery(
            cursor=cursor,
            kind=Kind(given["kind"]) if given["kind"] else None,
            direction=given["direction"] or None,
            since=_midnight(given["since"]) if given["since"] else None,
            until=_midnight(given["until"] + datetime.timedelta(days=1)) if given["until"] else None,
        )


def _midnight(day: datetime.date) -> datetime.datetime:
    return timezone.make_aware(datetime.datetime.combine(day, datetime.time.min))
