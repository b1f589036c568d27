"""Kafka as the channel: a message names a source wallet, and the consumers of one group settle what is due there."""
