"""`manage.py settled_events`: switch the events of settled transactions on or off, and see how many wait."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from transactions.events.outbox import events_backlog
from transactions.events.switch import (
    SwitchBusyError,
    settled_events_are_on,
    settled_events_switch_off,
    settled_events_switch_on,
)


class Command(BaseCommand):
    """The switch, and what waits in the outbox."""

    help = "Switches the events of settled transactions on or off, for all processes at once, or tells how many wait."

    def add_arguments(self, parser: ArgumentParser) -> None:
        assert isinstance(parser, CommandParser)  # noqa: S101 - Django passes its own
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        actions.add_parser("on", help="from now on, everything that settles is told of")
        actions.add_parser("off", help="from now on, nothing new is told of; what waits still is")
        status = actions.add_parser("status", help="whether they are on, how many wait, and for how long")
        status.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *, action: str, **options: Any) -> None:
        try:
            if action == "on":
                self.stdout.write("On." if settled_events_switch_on() else "They are on already.")
            elif action == "off":
                self.stdout.write("Off." if settled_events_switch_off() else "They are off already.")
            else:
                self._status(as_json=options["json"])
        except (SwitchBusyError, DatabaseError) as error:
            raise CommandError(f"That could not be done: {error}") from error

    def _status(self, *, as_json: bool) -> None:
        is_on, backlog = settled_events_are_on(), events_backlog()
        if as_json:
            self.stdout.write(json.dumps({"on": is_on, "waiting": backlog.waiting, "oldest_s": backlog.oldest_s}))
            return
        self.stdout.write("on" if is_on else "off")
        since = f", the oldest for {backlog.oldest_s:,.0f} s" if backlog.oldest_s is not None else ""
        self.stdout.write(f"{backlog.waiting:,} wait at the most{since}")
