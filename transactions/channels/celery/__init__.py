"""Celery as the channel: a message wakes a worker, which settles a partition of the source wallets."""
