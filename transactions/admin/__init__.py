"""Django admin for transactions, entries, jobs and dead letters. All are read-only; dead letters can be settled."""

from transactions.admin import dead_letters, jobs, ledger

__all__ = ["dead_letters", "jobs", "ledger"]
