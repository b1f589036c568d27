"""Sending through SMTP. Each step of a delivery ends after EMAIL_TIMEOUT_S, whatever the mail server does."""

import smtplib
import socket
import threading
from contextlib import suppress
from typing import Any

from django.core.mail.backends import smtp


class EmailBackend(smtp.EmailBackend):
    """Django's backend, but a server that answers one byte at a time does not hold it for ever."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return _BoundedSMTPS if self.use_ssl else _BoundedSMTP


class _BoundedSMTP(smtplib.SMTP):
    """Limits how long a whole reply may take. A socket's timeout starts anew with each byte that arrives."""

    def getreply(self) -> tuple[int, bytes]:
        is_late = threading.Event()
        watchdog = threading.Timer(self.timeout, _hang_up, [self.sock, is_late])
        watchdog.daemon = True
        watchdog.start()
        try:
            reply = super().getreply()
        finally:
            watchdog.cancel()
        if is_late.is_set():
            # smtplib would take the half of a reply that has arrived for a whole one.
            self.close()
            raise smtplib.SMTPServerDisconnected("The reply took too long.")
        return reply


class _BoundedSMTPS(_BoundedSMTP, smtplib.SMTP_SSL):
    """The same, with TLS from the start."""


def _hang_up(connection: Any, is_late: threading.Event) -> None:
    """Ends a connection that another thread reads from; that thread then meets its end."""
    is_late.set()
    with suppress(OSError):
        # Not the method of TLS sockets, which would take the TLS object from the thread that uses it.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
