"""A gunicorn worker that slow clients cannot occupy.

Gunicorn's own threaded worker reads requests in its threads, so a few clients that send nothing, or a byte a second,
take all of them. In this worker the event loop collects each request first. A thread gets a request that is complete,
and works only as long as the answer takes. Waiting costs memory, which is limited, and a file descriptor.
"""

import errno
import os
import selectors
import socket
import time
from concurrent.futures import Future
from enum import Enum
from functools import partial
from typing import Any

from gunicorn.http.errors import NoMoreData
from gunicorn.http.parser import RequestParser
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from kit.server.requests import Arrival, Incoming

#: Seconds from a request's first byte, or from a new connection, until all of the request must be here. A megabyte then
#: needs 70 kB a second.
REQUEST_TIMEOUT_S = 15.0
#: Seconds in which a client must take an answer.
SEND_TIMEOUT_S = 15.0
#: Seconds for which a connection stays open for reading after its last answer. Closed at once, the kernel would
#: discard an answer that the client has not read yet (RFC 9112, section 9.6).
LINGER_TIMEOUT_S = 2.0
#: Bytes of unfinished requests that one worker keeps.
BUFFERED_BYTES_MAX = 64 * 1_048_576
_LINGER_BYTES_MAX = 65_536
_RECEIVE_BYTES = 16_384
_CHECK_S = 0.5
_NO_ROOM = {errno.EMFILE, errno.ENFILE}
_CLIENT_GONE = {errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.EAGAIN, errno.ECONNABORTED}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def _refusal(status: str, reason: str) -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: {len(reason)}\r\n\r\n"
        f"{reason}"
    ).encode()


_TOO_SLOW = _refusal("408 Request Timeout", f"The request did not arrive within {REQUEST_TIMEOUT_S:.0f} s.\n")
_NOT_HERE = _refusal("404 Not Found", "The site is below another path.\n")
_TOO_LARGE = _refusal("431 Request Header Fields Too Large", "The head of the request is too large.\n")


class Phase(Enum):
    """What the event loop waits for on a connection."""

    IDLE = "the next request"
    ARRIVING = "the rest of a request"
    LINGERING = "the client's end of the connection"


class ClientSocket(socket.socket):
    """Notes when an answer began to leave, so that the worker can end one that the client does not take."""

    sending_since_s: float | None = None

    def sendall(self, *args: Any) -> None:
        if self.sending_since_s is None:
            self.sending_since_s = time.monotonic()
        super().sendall(*args)

    def sendfile(self, *args: Any, **kwargs: Any) -> int:
        if self.sending_since_s is None:
            self.sending_since_s = time.monotonic()
        return super().sendfile(*args, **kwargs)


class Connection:
    """A client's connection. The event loop owns it, except while a thread answers a request."""

    def __init__(self, accepted: socket.socket, client: Any, server: Any, cfg: Any) -> None:
        self.sock = ClientSocket(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        self.sock.settimeout(0)
        self.client = client
        self.server = server
        self.parser = RequestParser(cfg, self.sock, client)
        self.incoming = Incoming()
        self.phase = Phase.ARRIVING
        self.deadline_s = 0.0
        self.drained_bytes = 0
        #: The answer to this request is the last one.
        self.is_cut = False


class BufferingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn is untyped
    """Speaks plain HTTP/1; TLS is the business of a proxy."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: In the order in which the connections began to wait.
        self._waiting: dict[Connection, None] = {}
        self._answering: set[Connection] = set()
        self._buffered_bytes = 0
        self._next_check_s = 0.0

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        super().check_config(cfg, log)
        if cfg.is_ssl:
            raise RuntimeError("This worker does not speak TLS. Put a proxy in front.")

    # --- Called by the event loop ---

    def accept(self, listener: Any) -> None:
        if self.nr_conns >= self.worker_connections - 1:
            self._room_make()
        try:
            accepted, client = listener.accept()
        except OSError as error:
            if error.errno in _NO_ROOM:
                self._room_make()
            elif error.errno not in _CLIENT_GONE:
                raise
            return
        self.nr_conns += 1
        connection = Connection(accepted, client, listener.getsockname(), self.cfg)
        self._wait(connection, Phase.ARRIVING, REQUEST_TIMEOUT_S)

    def finish_request(self, connection: Connection, future: Future[bool]) -> None:
        """A thread has answered a request."""
        self._answering.discard(connection)
        if future.cancelled() or future.exception() or not future.result():
            self._linger(connection)
            return
        ahead = connection.parser.unreader.take_buffered()
        if ahead:
            self._wait(connection, Phase.ARRIVING, REQUEST_TIMEOUT_S)
            self._add(connection, ahead)
        else:
            self._wait(connection, Phase.IDLE, self.cfg.keepalive if self.alive else STOP_KEEPALIVE_LINGER)

    def murder_keepalived(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 - gunicorn's signature
        """Ends what takes too long. Called after each turn of the event loop."""
        now_s = time.monotonic()
        if now_s < self._next_check_s and not force:
            return
        self._next_check_s = now_s + _CHECK_S
        for connection in [one for one in self._waiting if force or one.deadline_s <= now_s]:
            if connection.phase is Phase.ARRIVING and connection.incoming.bytes and not force:
                self._refuse(connection, _TOO_SLOW)
            else:
                self._drop(connection)
        for connection in self._answering:
            since_s = connection.sock.sending_since_s
            if since_s is not None and now_s - since_s > SEND_TIMEOUT_S:
                # The thread's call returns with an error.
                _shut_down(connection, socket.SHUT_RDWR)

    def _cap_keepalive(self, deadline: float) -> None:
        """This worker stops. Requests that are arriving may still be completed."""
        for connection in self._waiting:
            if not connection.incoming.bytes:
                connection.deadline_s = min(connection.deadline_s, deadline)

    def _receive(self, connection: Connection, _: object) -> None:
        if connection not in self._waiting:
            # It was closed to make room, in the same turn of the event loop in which something arrived on it.
            return
        try:
            data = connection.sock.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(connection)
        elif connection.phase is Phase.LINGERING:
            connection.drained_bytes += len(data)
            if connection.drained_bytes > _LINGER_BYTES_MAX:
                self._drop(connection)
        else:
            self._add(connection, data)

    def _add(self, connection: Connection, data: bytes) -> None:
        if connection.phase is Phase.IDLE:
            connection.phase = Phase.ARRIVING
            connection.deadline_s = time.monotonic() + REQUEST_TIMEOUT_S
        arrival = connection.incoming.add(data)
        self._buffered_bytes += len(data)
        if arrival is Arrival.PARTIAL:
            self._more_await(connection)
            return
        if arrival is Arrival.TOO_LARGE:
            self._refuse(connection, _TOO_LARGE)
            return
        self._unwait(connection)
        connection.is_cut = arrival is Arrival.CUT
        connection.sock.sending_since_s = None
        connection.parser.unreader.unread(connection.incoming.take())
        self._answering.add(connection)
        self.enqueue_req(connection)

    def _more_await(self, connection: Connection) -> None:
        if connection.incoming.wants_continue():
            _send(connection, _CONTINUE)
        while self._buffered_bytes > BUFFERED_BYTES_MAX:
            self._drop(max(self._waiting, key=lambda one: len(one.incoming.bytes)))

    def _wait(self, connection: Connection, phase: Phase, timeout_s: float) -> None:
        connection.phase = phase
        connection.deadline_s = time.monotonic() + timeout_s
        connection.sock.settimeout(0)
        self._waiting[connection] = None
        self.poller.register(connection.sock, selectors.EVENT_READ, partial(self._receive, connection))

    def _unwait(self, connection: Connection) -> None:
        del self._waiting[connection]
        self._buffered_bytes -= len(connection.incoming.bytes)
        self.poller.unregister(connection.sock)

    def _refuse(self, connection: Connection, answer: bytes) -> None:
        self._unwait(connection)
        connection.incoming.take()
        _send(connection, answer)
        self._linger(connection)

    def _linger(self, connection: Connection) -> None:
        if _shut_down(connection, socket.SHUT_WR):
            self._wait(connection, Phase.LINGERING, LINGER_TIMEOUT_S)
        else:
            self.nr_conns -= 1
            connection.sock.close()

    def _drop(self, connection: Connection) -> None:
        self._unwait(connection)
        self.nr_conns -= 1
        connection.sock.close()

    def _room_make(self) -> None:
        """Closes the connection that has waited longest, so that clients without a request keep nobody out."""
        oldest = next(iter(self._waiting), None)
        if oldest is not None:
            self._drop(oldest)
        else:
            # All of them are being answered. Do not spin until one is.
            time.sleep(0.01)

    # --- Called in a thread ---

    def handle(self, connection: Connection) -> bool:
        """Answers the request that has arrived. Returns whether the connection can carry another one."""
        request = None
        try:
            # Nothing here should read from the socket. If something does, it does not wait for ever.
            connection.sock.settimeout(REQUEST_TIMEOUT_S)
            request = next(connection.parser)
            if connection.is_cut:
                request.force_close()
            # What the application has not read is in the buffer, so this cannot block.
            return self.handle_request(request, connection) and bool(connection.parser.finish_body())
        except (NoMoreData, StopIteration) as error:
            self.log.debug("The connection ends: %s", error)
        except OSError as error:
            if error.errno not in _CLIENT_GONE and not isinstance(error, TimeoutError):
                self.log.exception("A socket failed.")
        except Exception as error:  # noqa: BLE001 - gunicorn answers and logs it
            self.handle_error(request, connection.sock, connection.client, error)
        return False

    def handle_request(self, request: Any, connection: Connection) -> bool:
        prefix = os.environ.get("SCRIPT_NAME", "")
        if prefix and not f"{request.path}/".startswith(f"{prefix}/"):
            # Gunicorn would answer 500, or take "/walletx" for something below "/wallet".
            connection.sock.sendall(_NOT_HERE)
            return False
        # `environ` joins repeated header lines. Here the application finds them as they came (kit.http.once).
        request.body.headers = request.headers
        # The event loop has sent the "100 Continue".
        request._expected_100_continue = False  # noqa: SLF001 - gunicorn would send another one
        return bool(super().handle_request(request, connection))


def _send(connection: Connection, data: bytes) -> None:
    """Sends a few bytes without waiting. If the client's window is full, it has not earned them."""
    try:
        connection.sock.send(data)
    except OSError:
        return


def _shut_down(connection: Connection, how: int) -> bool:
    try:
        connection.sock.shutdown(how)
    except OSError:
        return False
    return True
