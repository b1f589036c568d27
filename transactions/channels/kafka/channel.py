"""The channel that tells Kafka's consumers where to look."""

from collections.abc import Collection

from transactions.channels.kafka.messages import look_message
from transactions.channels.kafka.producer import messages_send
from transactions.channels.kafka.topics import due_topic


class KafkaChannel:
    """Sends one message for each source wallet, and does not wait for the broker."""

    is_settled_by_celery = False

    def notify(self, source_ids: Collection[int]) -> None:
        """See `transactions.channels.base.Channel`."""
        messages_send([look_message(source_id, topic=due_topic()) for source_id in sorted(source_ids)])
