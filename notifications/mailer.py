"""The thread that sends mail. It has its own thread so that a hanging mail server keeps nothing else waiting."""

import threading

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from notifications.delivery import mails_send
from notifications.services import mails_expire

log = structlog.get_logger(__name__)

POLL_S = 1.0
#: After a failure of the mail server or the database the pause doubles up to this.
_REST_MAX_S = 60.0
#: How long `stop` waits for the mail that is being sent. If that does not suffice, the mail may be sent again.
_STOP_S = 5.0


class Mailer:
    """Polls the queue from `start` to `stop`. It needs Postgres and the mail server and nothing else; Redis may be
    away."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mailer", daemon=True)
        self._faults = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when the mail in hand is sent, or soon."""
        self._over.set()
        self._thread.join(_STOP_S)

    def _run(self) -> None:
        # The first turn comes later too: a worker that starts has more urgent work than mail.
        pause_s = POLL_S
        while not self._over.wait(pause_s):
            pause_s = self._turn()
        connection.close()

    def _turn(self) -> float:
        """Looks once. Returns how long to wait before the next turn, in seconds."""
        try:
            close_old_connections()
            mails_expire()
            is_well = mails_send(is_over=self._over.is_set)
        except (DatabaseError, InterfaceError) as error:
            if not self._faults:
                log.warning("mail_waits", error=f"{type(error).__name__}: {error}")
            is_well = False
        except Exception:
            # The thread must outlive whatever this was, because nothing else sends mail.
            log.exception("mailer_failed")
            is_well = False
        self._faults = 0 if is_well else self._faults + 1
        return POLL_S if is_well else min(_REST_MAX_S, POLL_S * 2 ** min(self._faults, 10))
