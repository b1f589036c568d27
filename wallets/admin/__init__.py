"""Django admin for users, wallets, tokens, email addresses, second factors, sessions and security events."""

from wallets.admin import access, people, security, sessions, wallets

__all__ = ["access", "people", "security", "sessions", "wallets"]
