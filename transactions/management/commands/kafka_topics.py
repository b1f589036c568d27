"""`manage.py kafka_topics` creates the missing topics of the Kafka channel, with their partitions."""

from typing import Any

from confluent_kafka import KafkaException
from django.core.management.base import BaseCommand, CommandError

from transactions.channels.kafka.topics import topics_make


class Command(BaseCommand):
    """Creates topics. It can be repeated."""

    help = "Creates the missing topics of the Kafka channel. Does not change existing topics."

    def handle(self, **_: Any) -> None:
        try:
            made = topics_make()
        except KafkaException as error:
            raise CommandError(f"Kafka failed: {error.args[0].str()}") from error
        for topic in made:
            self.stdout.write(f"Created {topic.name} with {topic.partitions} partitions.")
        if not made:
            self.stdout.write("All topics exist.")
