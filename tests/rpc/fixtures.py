"""Fixtures that start gRPC servers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.rpc.server import GrpcServer
from tests.settlement.waiting import wait_until

StartServer = Callable[..., GrpcServer]


@pytest.fixture(scope="session")
def grpc_server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GrpcServer]:
    """One server for all tests that only call it.

    Limits are on, but no test reaches them by accident: each test has its own users and an empty Valkey.
    """
    yield from _served(tmp_path_factory, THROTTLE_ENABLED="1", TRUSTED_PROXIES="1")


@pytest.fixture(scope="session")
def small_server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GrpcServer]:
    """A server with room for one running call, one waiting call and eight watchers, of which seven per user.

    It closes its database connections after each call.
    """
    yield from _served(
        tmp_path_factory,
        GRPC_THREADS="1",
        GRPC_CALLS_MAX="2",
        GRPC_WATCHERS_MAX="8",
        GRPC_WATCHERS_PER_USER_MAX="7",
        DATABASE_CONN_MAX_AGE_S="0",
    )


def _served(folders: pytest.TempPathFactory, **environment: str) -> Iterator[GrpcServer]:
    server = GrpcServer(log=folders.mktemp("grpc") / "server.log", **environment)
    try:
        yield server.wait_until_up()
    finally:
        # The database can be dropped only when the server has disconnected.
        server.terminate()


@pytest.fixture(scope="session")
def channel(grpc_server: GrpcServer) -> Iterator[grpc.Channel]:
    with grpc_server.channel() as channel:
        yield channel


@pytest.fixture
def start_server(transactional_db: None, tmp_path: Path) -> Iterator[StartServer]:
    """Returns a function that starts a server with the given environment. All are killed when the test ends."""
    servers: list[GrpcServer] = []

    def start(**options: Any) -> GrpcServer:
        servers.append(GrpcServer(log=tmp_path / f"server{len(servers)}.log", **options))
        return servers[-1].wait_until_up()

    yield start
    for server in servers:
        server.kill()
    wait_until(lambda: all(server.process.poll() is not None for server in servers), what="the servers are gone")
