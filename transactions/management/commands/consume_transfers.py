"""`manage.py consume_transfers`: settles the transfers that were accepted through Kafka, until it is told to stop.

As many may run as the topics have partitions. SIGTERM and Ctrl-C let the batch at hand finish.
"""

import signal
import threading
from argparse import ArgumentParser
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from telemetry import metrics
from transactions.channels.kafka.consumer import consume


class Command(BaseCommand):
    """Runs one consumer of the group."""

    help = "Settles transfers that were accepted through Kafka (TRANSFER_CHANNEL=kafka), until it is told to stop."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--alive", type=Path, help="a file to touch with each look, for whoever watches")

    def handle(self, *, alive: Path | None, **_: Any) -> None:
        over = threading.Event()

        def stop(_signal: int, _frame: FrameType | None) -> None:
            over.set()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        metrics.exposition_serve(port=settings.METRICS_PORT)
        consume(is_over=over.is_set, alive=alive.touch if alive else lambda: None)
