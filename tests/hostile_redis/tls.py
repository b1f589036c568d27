"""Speaks TLS in front of a Redis, because the embedded Valkey cannot."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def tls_relay(socket_path: str, *, certificate: Path, key: Path) -> Iterator[int]:
    """Accepts TLS connections and relays them to this Unix socket. Yields its port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_accept, args=(server, context, socket_path), daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def _accept(server: socket.socket, context: ssl.SSLContext, socket_path: str) -> None:
    with suppress(OSError):
        while True:
            connection, _ = server.accept()
            threading.Thread(target=_relay, args=(connection, context, socket_path), daemon=True).start()


def _relay(connection: socket.socket, context: ssl.SSLContext, socket_path: str) -> None:
    with (
        suppress(OSError),
        context.wrap_socket(connection, server_side=True) as front,
        socket.socket(socket.AF_UNIX) as back,
    ):
        back.connect(socket_path)
        threading.Thread(target=_pump, args=(back, front), daemon=True).start()
        _pump(front, back)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
