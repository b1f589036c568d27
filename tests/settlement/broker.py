"""A Valkey for one test, which the test may wipe, stop, freeze and restart."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from celery import current_app
from django.conf import settings as django_settings
from kombu import pools
from pytest_django import Settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.own_redis import OwnRedis
from wallet_project.embedded import Places, celery_url

#: Celery's queue, and the messages that a worker has received but not acknowledged.
_QUEUE, _UNACKED = "celery", "unacked"


class Broker(OwnRedis):
    def __init__(self, places: Places) -> None:
        super().__init__(places)
        self.run_dir = places.root
        # Without retries, which would sleep until a server that is loading has loaded.
        once = Retry(NoBackoff(), 0)
        self._client: Any = redis.Redis(unix_socket_path=str(places.valkey_socket), socket_timeout=5, retry=once)

    def demote(self) -> None:
        """Makes it the replica of a server that is not there: it keeps its data and takes no writes."""
        self._client.replicaof("127.0.0.1", 1)

    def fill(self) -> None:
        """Leaves it no memory for writes."""
        self._client.config_set("maxmemory", 1)

    def restart_loading(self, *, keys: int, key_delay_us: int) -> None:
        """Restarts it with so much data that it loads for `keys` times `key_delay_us`, and answers nothing else."""
        self._client.eval("for i = 1, ARGV[1] do redis.call('SET', 'ballast:' .. i, i) end", 0, keys)
        self._client.save()
        self._server.stop()
        self._server.command = [*self._server.command, "--key-load-delay", str(key_delay_us),
            "--loading-process-events-interval-bytes", "1024"]  # fmt: skip
        self._server._spawn()

    def recover(self) -> None:
        """Takes writes again, after `demote` or `fill`."""
        self._client.replicaof("NO", "ONE")
        self._client.config_set("maxmemory", 0)

    def waits_for_messages(self) -> bool:
        """Whether a worker waits for the next message."""
        return any(client["cmd"] == "brpop" for client in self._client.client_list())

    def is_loading(self) -> bool:
        try:
            self._client.ping()
        except redis.BusyLoadingError:
            return True
        except redis.RedisError:
            return False
        return False

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


def celery_use(url: str) -> str:
    """Makes this process use this broker. Returns the URL of the one before."""
    app: Any = current_app
    before, app.conf.broker_url = str(app.conf.broker_url), url
    pools.reset()
    app._pool = None
    app.amqp._producer_pool = None
    return before
