"""Formats money and text by users for the admin."""

from django.utils.html import format_html

from wallets.domain.money import amount_format
from wallets.domain.text import direction_controls_remove


def money(amount: int | None, currency: str) -> str:
    """The amount with its currency, or a dash if there is none."""
    return "-" if amount is None else amount_format(amount, currency=currency)


def text_by_user(text: str) -> str:
    """Text that a user chose, so that it reorders nothing around it; a dash if there is none."""
    return format_html("<bdi>{}</bdi>", direction_controls_remove(text)) if text else "-"
