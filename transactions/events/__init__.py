"""Publishing every settled transaction: an outbox in Postgres, and the relay that publishes its events to Kafka."""
