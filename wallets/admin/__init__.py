"""Django admin for users, groups, wallets, tokens, email addresses, second factors, sessions and security events."""

from wallets.admin import access, groups, people, security, sessions, wallets

__all__ = ["access", "groups", "people", "security", "sessions", "wallets"]
