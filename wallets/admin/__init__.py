"""Django admin for users, wallets, tokens, email addresses and second factors."""

from wallets.admin import access, people, wallets

__all__ = ["access", "people", "wallets"]
