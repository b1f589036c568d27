"""Telling the world of every settled transaction: an outbox in Postgres, and the relay that empties it into Kafka."""
