"""A TCP proxy between client and server that can cut a connection before the answer."""

import socket
import threading
from contextlib import suppress


class Wire:
    """Listens on its own port and forwards bytes in both directions, until a connection is cut."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._is_armed = threading.Event()
        self._answer = b""
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def arm(self, answer: bytes = b"Lunch") -> None:
        """Cuts the next connection on which the server sends these bytes, before the client gets them.

        HTTP/2 compresses only headers, so the strings of a message are readable in the stream.
        """
        self._answer = answer
        self._is_armed.set()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._to))
                threading.Thread(target=self._pass_on, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(server, client, True), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if is_answer and self._is_armed.is_set() and self._answer in data:
                    self._is_armed.clear()
                    self.cuts += 1
                    break
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
