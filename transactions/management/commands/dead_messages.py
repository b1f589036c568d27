"""`manage.py dead_messages`: the messages of Kafka's dead-letter topic, one line each, their bytes as they came.

A transfer that was given up is announced there; staff replay or fail it with `manage.py dead_letters`. A message that
nobody can read is stored there and nowhere else.
"""

import json
from typing import Any

from confluent_kafka import KafkaException
from django.core.management.base import BaseCommand, CommandError

from transactions.channels.kafka.dead_messages import dead_messages
from transactions.channels.kafka.messages import FAULT, ORIGIN, Incoming


class Command(BaseCommand):
    """Prints and changes nothing."""

    help = "Prints the messages of the dead-letter topic as lines of JSON, oldest first. Changes nothing."

    def handle(self, **_: Any) -> None:
        try:
            for message in dead_messages():
                self.stdout.write(json.dumps(_as_json(message)))
        except KafkaException as error:
            raise CommandError(f"Kafka does not answer as it should: {error.args[0].str()}") from error


def _as_json(message: Incoming) -> dict[str, Any]:
    """Bytes that are not text are shown with backslashes."""
    return {
        "place": message.origin,
        "origin": _text(message.headers.get(ORIGIN)),
        "fault": _text(message.headers.get(FAULT)),
        "key": _text(message.key),
        "value": _text(message.value),
    }


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="backslashreplace")
