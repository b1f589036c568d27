"""`manage.py relay_settled_events` publishes the events of settled transactions to Kafka, until it is stopped."""

import signal
import threading
from argparse import ArgumentParser
from pathlib import Path
from types import FrameType
from typing import Any

import structlog
from django.conf import settings
from django.core.checks import Tags
from django.core.management.base import BaseCommand
from django.db import DEFAULT_DB_ALIAS

from telemetry.internal import internal_serve
from transactions.events.relay import Relay
from wallets.auth.wallet_service.keys import keys_assert_secret

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    """Runs a relay. A second relay stands by, and takes over when the first one stops or crashes."""

    help = "Publishes the events of settled transactions to Kafka. SIGTERM stops it after the current batch."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--alive", type=Path, help="a file to touch before each poll, for a liveness probe")

    def handle(self, *, alive: Path | None, **_: Any) -> None:
        keys_assert_secret()
        stop = threading.Event()

        def stop_on(number: int, _: FrameType | None) -> None:
            log.info("settled_events_relay_stops", signal=signal.Signals(number).name)
            stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop_on)
        self.check(tags=[Tags.database], databases=[DEFAULT_DB_ALIAS])
        internal_serve(bind=settings.INTERNAL_BIND)
        log.info("settled_events_relay_starts")
        Relay(stop, alive.touch if alive else lambda: None).run()
