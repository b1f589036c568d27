"""Proxies that the environment names: used for TLS, where they see nothing, and never for plain text."""

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
from wallet_client import WalletClient, WalletError

from tests.conformance.world import Person
from tests.rpc.server import GrpcServer

VARIABLES = ["http_proxy", "https_proxy", "grpc_proxy"]


@pytest.fixture
def proxy() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20)
        yield listening


def _url(proxy: socket.socket) -> str:
    return f"http://127.0.0.1:{proxy.getsockname()[1]}"


@pytest.mark.parametrize("variable", VARIABLES)
def test_plain_text_goes_straight_to_the_server(
    alice: Person, grpc_server: GrpcServer, proxy: socket.socket, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, _url(proxy))

    with WalletClient(grpc_server.target, alice.token, tls=False, timeout_s=10) as client:
        assert client.wallets()

    proxy.settimeout(0.1)
    with pytest.raises(TimeoutError):
        proxy.accept()


@pytest.mark.parametrize("variable", VARIABLES)
def test_tls_goes_through_the_proxy(proxy: socket.socket, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, _url(proxy))

    with WalletClient("wallet.example:443", "token", timeout_s=1) as client, suppress(WalletError):
        client.wallets()

    visitor, _ = proxy.accept()
    with visitor:
        visitor.settimeout(10)
        assert visitor.recv(1_000).startswith(b"CONNECT wallet.example:443 HTTP/1.1\r\n")
