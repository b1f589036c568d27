"""A mail server for each test, and the settings that queue mail for it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from notifications.models import Mail
from tests.mail.server import SmtpServer
from tests.settlement.conftest import broker, places, worker_start

# Real workers send mail too.
__all__ = ["broker", "places", "worker_start"]

#: Seconds. Short, so that no test waits for long.
TIMEOUT_S = 0.4


@pytest.fixture
def queued(settings: Settings) -> Settings:
    """The site queues mail, as in a deployment. (Django's test runner keeps it in memory.)"""
    settings.EMAIL_BACKEND = "notifications.backends.QueueBackend"
    settings.MAIL_TRANSPORT = "notifications.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_TIMEOUT = TIMEOUT_S
    return settings


@pytest.fixture
def smtp_start(queued: Settings) -> Iterator[Callable[..., SmtpServer]]:
    """Starts a mail server that misbehaves as told, and makes this process use it."""
    servers: list[SmtpServer] = []

    def start(**behaviour: Any) -> SmtpServer:
        servers.append(SmtpServer(**behaviour))
        queued.EMAIL_PORT = servers[-1].port
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def smtp(smtp_start: Callable[..., SmtpServer]) -> SmtpServer:
    """A mail server that works."""
    return smtp_start()


def due_now() -> None:
    """Ends all pauses and leases, as time would."""
    Mail.objects.filter(state="queued").update(not_before=timezone.now())
