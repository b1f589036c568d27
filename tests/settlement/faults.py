"""Causes faults, and ends back-offs."""

from collections.abc import Sequence
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from tests.settlement.transfers import drain
from transactions.ledger.commands import Command, Outcome
from transactions.ledger.posting import Posting
from transactions.models import Job, Transaction
from transactions.settlement import settle
from transactions.settlement.partitions import partition_of
from wallets.models import Wallet


def settle_all(wallet: Wallet) -> None:
    hold_end()
    drain(wallet)
    assert not Job.objects.filter(partition=partition_of(wallet.id)).exists()


def hold_end() -> None:
    """Ends the back-off of all jobs."""
    Job.objects.filter(not_before__isnull=False).update(not_before=timezone.now())


def raise_for(monkeypatch: pytest.MonkeyPatch, bad: Sequence[Transaction], error: Exception) -> None:
    ids, apply = {t.id for t in bad}, Posting.apply

    def apply_or_raise(posting: Posting, command: Command) -> Outcome:
        if command.accepted_id in ids:
            raise error
        return apply(posting, command)

    monkeypatch.setattr(Posting, "apply", apply_or_raise)


def database_raise(monkeypatch: pytest.MonkeyPatch, fault: psycopg.Error) -> None:
    """Makes `post` raise an error of the database, wrapped as Django wraps it."""

    def raising(commands: Sequence[Command]) -> Any:
        with connection.wrap_database_errors:
            raise fault

    monkeypatch.setattr(settle, "post", raising)
