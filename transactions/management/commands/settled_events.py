"""`manage.py settled_events` switches the events of settled transactions on or off, and shows how many wait."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from kit.db.migration_role import migration_role
from transactions.events.outbox import events_backlog
from transactions.events.switch import (
    SwitchBusyError,
    settled_events_are_on,
    settled_events_switch_off,
    settled_events_switch_on,
)


class Command(BaseCommand):
    """Switches events, or shows the outbox."""

    help = "Switches the events of settled transactions on or off, for all processes at once, or shows how many wait."

    def add_arguments(self, parser: ArgumentParser) -> None:
        assert isinstance(parser, CommandParser)  # noqa: S101 - Django passes its own
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        actions.add_parser("on", help="write events for all transactions that settle from now on")
        actions.add_parser("off", help="write no more events; those that wait are still published")
        status = actions.add_parser("status", help="whether events are on, how many wait, and for how long")
        status.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *, action: str, **options: Any) -> None:
        try:
            if action == "status":
                self._status(as_json=options["json"])
            else:
                self._switch(on=action == "on")
        except (SwitchBusyError, DatabaseError) as error:
            raise CommandError(f"The command failed: {error}") from error

    def _switch(self, *, on: bool) -> None:
        # Triggers belong to the owner of the tables.
        with migration_role():
            changed = settled_events_switch_on() if on else settled_events_switch_off()
        state = "on" if on else "off"
        self.stdout.write(f"Events are {state} now." if changed else f"Events were {state} already.")

    def _status(self, *, as_json: bool) -> None:
        is_on, backlog = settled_events_are_on(), events_backlog()
        if as_json:
            self.stdout.write(json.dumps({"on": is_on, "waiting": backlog.waiting, "oldest_s": backlog.oldest_s}))
            return
        self.stdout.write("on" if is_on else "off")
        since = f", the oldest for {backlog.oldest_s:,.0f} s" if backlog.oldest_s is not None else ""
        self.stdout.write(f"at most {backlog.waiting:,} waiting{since}")
