"""Runs the relay's command, and stops it at a point of its batch, where a test can kill it.

RELAY_STOP_AT: "published" (acknowledged, not deleted yet), "deleted" (not committed yet) or nothing.
"""

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import django


def main() -> None:
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415 - needs the settings

    from transactions.events.outbox import Event, events_delete  # noqa: PLC0415 - the same

    def delete(events: Sequence[Event]) -> None:
        _stop(at="published")
        events_delete(events)
        _stop(at="deleted")

    with mock.patch("transactions.events.relay.events_delete", delete):
        call_command("relay_settled_events", "--alive", os.environ["RELAY_ALIVE"])


def _stop(*, at: str) -> None:
    if os.environ["RELAY_STOP_AT"] != at:
        return
    Path(os.environ["RELAY_MARK"]).touch()
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
