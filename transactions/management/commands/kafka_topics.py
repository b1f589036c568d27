"""`manage.py kafka_topics`: makes the topics of the Kafka channel, with their partitions, where they are not there."""

from typing import Any

from confluent_kafka import KafkaException
from django.core.management.base import BaseCommand, CommandError

from transactions.channels.kafka.topics import topics_make


class Command(BaseCommand):
    """Makes topics; may be repeated."""

    help = "Makes the topics of the Kafka channel where they are not there yet. Changes none that is there."

    def handle(self, **_: Any) -> None:
        try:
            made = topics_make()
        except KafkaException as error:
            raise CommandError(f"Kafka does not answer as it should: {error.args[0].str()}") from error
        for topic in made:
            self.stdout.write(f"Made {topic.name} with {topic.partitions} partitions.")
        if not made:
            self.stdout.write("All topics are there.")
