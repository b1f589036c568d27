"""`manage.py audit_ledger` audits the books. Exit code 0 if they balance, 1 if they do not or cannot be read."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from transactions.audit import FINDINGS_NAMED_MAX, Audit, books_audit
from wallets.domain.money import amount_format


class Command(BaseCommand):
    """Audits the books and prints the totals and findings."""

    help = "Audits the books: is every cent accounted for? Exit code 0 if the books balance, 1 otherwise."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object; amounts in minor units")

    def handle(self, **options: Any) -> None:
        try:
            audit = books_audit()
        except DatabaseError as error:
            raise CommandError(f"The books could not be read: {error}") from error
        if options["json"]:
            self.stdout.write(json.dumps({"clean": audit.clean, **asdict(audit)}, indent=2))
        else:
            self._figures_print(audit)
            self._findings_print(audit)
        if not audit.clean:
            raise SystemExit(1)

    def _figures_print(self, audit: Audit) -> None:
        transactions = ", ".join(f"{count:,} {status}" for status, count in audit.transactions.items())
        self.stdout.write(f"transactions  {transactions}")
        self.stdout.write(f"entries       {audit.entry_count:,}")
        self.stdout.write(f"wallets       {audit.wallet_count:,}")
        if audit.oldest_pending_s is not None:
            self.stdout.write(f"pending for   {audit.oldest_pending_s:,.0f} s at most")
        self.stdout.write(f"dead letters  {audit.dead_letter_count:,}")
        if audit.currencies:
            self.stdout.write(f"\n{'':<10}{'held by wallets':>26}{'from outside':>26}{'difference':>18}")
        for totals in audit.currencies:
            figures = (totals.held, -totals.outside, totals.held + totals.outside)
            held, came_in, difference = (amount_format(figure, currency=totals.currency) for figure in figures)
            self.stdout.write(f"{totals.currency:<10}{held:>26}{came_in:>26}{difference:>18}")
        self.stdout.write(f"\ntook {audit.took_s:.1f} s")

    def _findings_print(self, audit: Audit) -> None:
        if audit.clean:
            self.stdout.write(self.style.SUCCESS("The books balance."))
            return
        self.stdout.write(self.style.ERROR(f"The books do NOT balance. Findings: {audit.finding_count:,}."))
        for finding in audit.findings:
            self.stdout.write(f"  {finding.subject}: {finding.problem}")
        if audit.finding_count > len(audit.findings):
            self.stdout.write(f"  … only the first {FINDINGS_NAMED_MAX} of each kind are named.")
