"""`manage.py consume_transfers` settles the accepted transfers that Kafka's messages point to, until it is stopped.

As many consumers can share the work as the topics have partitions. SIGTERM and Ctrl-C let the current batch finish.
"""

import signal
import threading
from argparse import ArgumentParser
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.checks import Tags
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS

from telemetry.internal import internal_serve
from transactions.channels.kafka.consumer import consume
from transactions.channels.kafka.old_release import OldMessagesError
from wallets.auth.wallet_service.keys import keys_assert_secret


class Command(BaseCommand):
    """Runs one consumer of the group."""

    help = "Settles accepted transfers with Kafka as the channel (TRANSFER_CHANNEL=kafka), until it is stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--alive", type=Path, help="a file to touch in every loop, for a liveness probe")

    def handle(self, *, alive: Path | None, **_: Any) -> None:
        keys_assert_secret()
        over = threading.Event()

        def stop(_signal: int, _frame: FrameType | None) -> None:
            over.set()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        self.check(tags=[Tags.database], databases=[DEFAULT_DB_ALIAS])
        internal_serve(bind=settings.INTERNAL_BIND)
        try:
            consume(is_over=over.is_set, alive=alive.touch if alive else lambda: None)
        except OldMessagesError as error:
            raise CommandError(str(error)) from error
