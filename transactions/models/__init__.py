"""Transactions and entries, which only `transactions.ledger` posts; jobs; the outbox; pay-outs and proposals.

The triggers of the migrations enforce the rules that a constraint cannot express.
"""

from transactions.models.funding import Payout, Proposal
from transactions.models.ledger import Entry, Kind, Status, Transaction
from transactions.models.outbox import SettledEvent
from transactions.models.queue import DeadLetter, DeadLetterAction, Job

__all__ = [
    "DeadLetter",
    "DeadLetterAction",
    "Entry",
    "Job",
    "Kind",
    "Payout",
    "Proposal",
    "SettledEvent",
    "Status",
    "Transaction",
]
