"""Django admin for people, wallets and what lets them in."""

from wallets.admin import access, people, wallets

__all__ = ["access", "people", "wallets"]
