"""`manage.py dead_messages`: what lies in the dead topic of Kafka, one line for each message, its bytes untouched.

Transfers that met a fault too often are in the dead letters too (`manage.py dead_letters`), to be replayed or failed
there. A message that nobody can read is only here.
"""

import json
from typing import Any

from confluent_kafka import KafkaException
from django.core.management.base import BaseCommand, CommandError

from transactions.channels.kafka.dead import dead_messages
from transactions.channels.kafka.deliveries import FAULT, Delivery


class Command(BaseCommand):
    """Prints and changes nothing."""

    help = "Prints the messages of the dead topic as lines of JSON, the oldest first. Changes nothing."

    def handle(self, **_: Any) -> None:
        try:
            for delivery in dead_messages():
                self.stdout.write(json.dumps(_as_json(delivery)))
        except KafkaException as error:
            raise CommandError(f"Kafka does not answer as it should: {error.args[0].str()}") from error


def _as_json(delivery: Delivery) -> dict[str, Any]:
    """Bytes that are no text are shown with backslashes."""
    return {
        "place": f"{delivery.topic}/{delivery.partition}/{delivery.offset}",
        "origin": delivery.origin,
        "fault": _text(delivery.headers.get(FAULT)),
        "attempts": delivery.attempts,
        "request_id": delivery.request_id,
        "key": _text(delivery.key),
        "value": _text(delivery.value),
    }


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="backslashreplace")
