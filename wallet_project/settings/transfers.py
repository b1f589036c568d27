"""Asynchronous transfers, whatever their channel."""

from wallet_project.settings.base import env

# How the processes that settle learn of accepted transfers: `celery` (its workers settle) or `kafka` (the consumers of
# `manage.py consume_transfers` settle). `postgres` is the older name of `celery`. The default needs no further server.
TRANSFER_CHANNEL = env.str("TRANSFER_CHANNEL", default="celery", choices=("celery", "kafka", "postgres"))
# After this many faults a transfer becomes a dead letter, which waits for staff. With the pauses between attempts, the
# default takes about a minute and a half: longer than a restart of Postgres, short enough for a sender to wait.
TRANSFER_ATTEMPTS_MAX = env.int("TRANSFER_ATTEMPTS_MAX", default=10, minimum=1, maximum=1_000)
# Seconds that one task settles transfers before it hands the rest to a new task. Five seconds are long enough to make
# the handover cheap, and short enough that a worker stops quickly and shares its time between partitions.
TRANSFER_DRAIN_LIMIT_S = env.float("TRANSFER_DRAIN_LIMIT_S", default=5.0, minimum=0.1, maximum=300.0)
