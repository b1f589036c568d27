"""Django admin for users, groups, wallets, tokens, email addresses, second factors and security events."""

from wallets.admin import access, groups, people, security, wallets

__all__ = ["access", "groups", "people", "security", "wallets"]
