"""How the admin writes money."""

from wallets.domain.money import amount_format


def money(amount: int | None, currency: str) -> str:
    """An amount as people read it, and a dash where there is none."""
    return "-" if amount is None else amount_format(amount, currency=currency)
