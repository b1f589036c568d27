"""Django admin for users, wallets, tokens, email addresses, second factors and security events."""

from wallets.admin import access, people, security, wallets

__all__ = ["access", "people", "security", "wallets"]
