"""Formats money for the admin."""

from wallets.domain.money import amount_format


def money(amount: int | None, currency: str) -> str:
    """The amount with its currency, or a dash if there is none."""
    return "-" if amount is None else amount_format(amount, currency=currency)
