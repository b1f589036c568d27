"""`manage.py demo` creates demo users with a history, so that there is something to look at."""

import os
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from transactions.demo.people import PEOPLE, DemoError, demo_create, totp_code
from transactions.funding.mode import Funding, funding_is


class Command(BaseCommand):
    """Creates the demo users once, and prints how to log in."""

    help = "Creates alice, bob, carol and a staff user with 90 days of history, and prints how they log in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--force", action="store_true", help="also in production, although the passwords are public"
        )

    def handle(self, *, force: bool, **_options: Any) -> None:
        if settings.ENVIRONMENT == "production" and not force:
            raise CommandError("The demo's passwords are public, so it does not run in production without --force.")
        if not funding_is(Funding.DEMO):
            raise CommandError("The demo users deposit money that nobody paid. Set FUNDING=demo to allow that.")
        try:
            created = demo_create()
        except DemoError as error:
            raise CommandError(str(error)) from error
        self.stdout.write("The demo is ready." if created else "The demo exists already.")
        self._people_print()

    def _people_print(self) -> None:
        site = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}/"
        self.stdout.write(f"\n  {'username':<10}{'password':<14}log in at")
        for person in PEOPLE:
            self.stdout.write(
                f"  {person.username:<10}{person.password:<14}{site}{'admin/' if person.is_staff else ''}"
            )
        for person in PEOPLE:
            if person.totp_secret:
                self.stdout.write(f"\n  {person.username}'s authenticator app: {person.totp_secret}")
                self.stdout.write(f"  Its code now: {totp_code(person.totp_secret)} (for a new one: manage.py demo)")
        self.stdout.write("")
