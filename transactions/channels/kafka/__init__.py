"""The same channel of asynchronous transfers over Kafka: producer, consumer, retries, dead letters."""

#: The value of the setting TRANSFER_CHANNEL that sends transfers this way.
KAFKA = "kafka"
