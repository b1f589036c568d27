"""Django admin for transactions, entries, jobs, dead letters, pay-outs and proposals.

All are read-only. Staff settle dead letters, confirm pay-outs, and propose and approve deposits through the services.
"""

from transactions.admin import dead_letters, funding, jobs, ledger

__all__ = ["dead_letters", "funding", "jobs", "ledger"]
