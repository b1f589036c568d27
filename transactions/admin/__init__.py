"""Django admin for how money moved and what waits to move: to be read, and at one desk to be decided."""

from transactions.admin import dead_letters, jobs, ledger

__all__ = ["dead_letters", "jobs", "ledger"]
