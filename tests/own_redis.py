"""A Valkey server that belongs to one test."""

import signal

from django.conf import settings as django_settings
from pytest_django import Settings

from devtools.servers import directories_make, valkey_server
from wallet_project.embedded import Places


class OwnRedis:
    def __init__(self, places: Places) -> None:
        directories_make(places)
        self._server = valkey_server(places, durable=False)
        self.url = places.redis_url()

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

    def _signal(self, number: signal.Signals) -> None:
        if self._server.process is not None and self._server.is_running():
            self._server.process.send_signal(number)


def redis_use(url: str, settings: Settings) -> None:
    """Points this process's limits, locks and cache at `url`."""
    settings.REDIS_URL = url
    settings.CACHES = {alias: {**options, "LOCATION": url} for alias, options in django_settings.CACHES.items()}
