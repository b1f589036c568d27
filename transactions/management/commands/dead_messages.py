"""`manage.py dead_messages` prints the messages of Kafka's dead-letter topic, one line of JSON per message.

The topic announces transfers that were given up, which staff replay or fail with `manage.py dead_letters`. It also
stores unreadable messages, with their original bytes. They are stored nowhere else.
"""

import json
from typing import Any

from confluent_kafka import KafkaException
from django.core.management.base import BaseCommand, CommandError

from transactions.channels.kafka.dead_messages import dead_messages
from transactions.channels.kafka.messages import FAULT, ORIGIN, Incoming


class Command(BaseCommand):
    """Prints the dead-letter topic. Changes nothing."""

    help = "Prints the messages of the dead-letter topic as lines of JSON, oldest first. Changes nothing."

    def handle(self, **_: Any) -> None:
        try:
            for message in dead_messages():
                self.stdout.write(json.dumps(_as_json(message)))
        except KafkaException as error:
            raise CommandError(f"Kafka failed: {error.args[0].str()}") from error


def _as_json(message: Incoming) -> dict[str, Any]:
    """The message as JSON. Bytes that are not UTF-8 are shown as backslash escapes."""
    return {
        "place": message.origin,
        "origin": _text(message.headers.get(ORIGIN)),
        "fault": _text(message.headers.get(FAULT)),
        "key": _text(message.key),
        "value": _text(message.value),
    }


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="backslashreplace")
