"""A Valkey for one test, which the test may wipe, stop, freeze and restart."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from celery import current_app
from django.conf import settings as django_settings
from kombu import pools
from pytest_django import Settings

from tests.own_redis import OwnRedis
from wallet_project.embedded import Places, celery_url

#: Celery's queue, and the messages that a worker has received but not acknowledged.
_QUEUE, _UNACKED = "celery", "unacked"


class Broker(OwnRedis):
    def __init__(self, places: Places) -> None:
        super().__init__(places)
        self.run_dir = places.root
        self._client: Any = redis.Redis(unix_socket_path=str(places.valkey_socket), socket_timeout=5)

    def wipe(self) -> None:
        self._client.flushall()

    def messages(self) -> list[bytes]:
        return list(self._client.lrange(_QUEUE, 0, -1))

    def messages_double(self) -> int:
        """Duplicates all messages in the queue; returns how many there were."""
        messages = self.messages()
        for message in messages:
            self._client.lpush(_QUEUE, message)
        return len(messages)

    def deliver(self, message: bytes) -> None:
        self._client.lpush(_QUEUE, message)

    def unacknowledged(self) -> int:
        return int(self._client.hlen(_UNACKED))

    @contextmanager
    def used(self, settings: Settings) -> Iterator[None]:
        """Makes this process use this Valkey as its cache and broker."""
        settings.CACHES = {"default": {**django_settings.CACHES["default"], "LOCATION": self.url}}
        before = current_app.conf.broker_url
        _celery_use(celery_url(self.url))
        yield
        _celery_use(before)
        self._client.close()


def _celery_use(url: str) -> None:
    app: Any = current_app
    app.conf.broker_url = url
    pools.reset()
    app._pool = None
    app.amqp._producer_pool = None
