"""A Valkey for one test, which the test may wipe, stop, freeze and restart."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from celery import current_app
from django.conf import settings as django_settings
from kombu import pools
from pytest_django import Settings

from devtools.servers import directories_make, valkey_server
from wallet_project.embedded import Places, celery_url

#: Celery's queue, and the messages that a worker has received but not acknowledged.
_QUEUE, _UNACKED = "celery", "unacked"


class Broker:
    def __init__(self, places: Places) -> None:
        directories_make(places)
        self._server = valkey_server(places, durable=False)
        self.url = places.redis_url()
        self.run_dir = places.root
        self._client: Any = redis.Redis(unix_socket_path=str(places.valkey_socket), socket_timeout=5)

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self.unfreeze()
        self._server.stop()

    def freeze(self) -> None:
        """Stops answering, but keeps all connections open."""
        self._signal(signal.SIGSTOP)

    def unfreeze(self) -> None:
        self._signal(signal.SIGCONT)

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
        before = celery_use(celery_url(self.url))
        yield
        celery_use(before)
        self._client.close()

    def _signal(self, number: signal.Signals) -> None:
        if self._server.process is not None and self._server.is_running():
            self._server.process.send_signal(number)


def celery_use(url: str) -> str:
    """Makes this process use this broker. Returns the URL of the one before."""
    app: Any = current_app
    before, app.conf.broker_url = str(app.conf.broker_url), url
    pools.reset()
    app._pool = None
    app.amqp._producer_pool = None
    return before
