"""The event loop of the worker, where no client can bring about the moment in time."""

import selectors
import socket
from types import SimpleNamespace

from gunicorn.config import Config

from kit.server.worker import BufferingWorker, Connection, Phase


def test_a_connection_closed_in_the_turn_in_which_it_became_readable_is_left_alone() -> None:
    cfg = Config()
    worker = BufferingWorker(0, 0, [], None, 30, cfg, SimpleNamespace())
    worker.poller = selectors.DefaultSelector()
    pairs = [socket.socketpair() for _ in range(2)]
    connections = [Connection(ours, "", "", cfg) for ours, _ in pairs]
    worker.nr_conns = 2
    for connection, (_, theirs) in zip(connections, pairs, strict=True):
        worker._wait(connection, Phase.ARRIVING, 10)
        theirs.sendall(b"GET / HT")
    ready = worker.poller.select(timeout=10)
    assert len(ready) == 2

    worker._drop(connections[1])
    for key, _ in ready:
        key.data(key.fileobj)

    assert worker.nr_conns == 1
    assert bytes(connections[0].incoming.bytes) == b"GET / HT"
    worker._drop(connections[0])
    for _, theirs in pairs:
        theirs.close()
    worker.poller.close()
    worker.tmp.close()
