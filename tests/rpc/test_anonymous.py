"""Streams that need no token are limited, in total and per address; and metadata that may occur once occurs once."""

import threading
from contextlib import ExitStack
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.rpc.caller import refusal_of
from tests.rpc.conftest import Person
from tests.rpc.fixtures import StartServer
from tests.rpc.test_methods import usd
from tests.settlement.waiting import wait_until
from wallet_proto.v1 import wallet_pb2 as pb


def health_watch(channel: grpc.Channel, address: str = "192.0.2.1") -> Any:
    stub: Any = health_pb2_grpc.HealthStub(channel)
    call = stub.Watch(health_pb2.HealthCheckRequest(), timeout=30, metadata=[("x-forwarded-for", address)])
    next(call)
    return call


def reflection_open(channel: grpc.Channel, address: str = "192.0.2.1") -> Any:
    """A stream of requests that never ends."""
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
    call = stub.ServerReflectionInfo(_Endless(), timeout=30, metadata=[("x-forwarded-for", address)])
    next(call)
    return call


class _Endless:
    def __init__(self) -> None:
        self._first = iter([reflection_pb2.ServerReflectionRequest(list_services="")])

    def __iter__(self) -> "_Endless":
        return self

    def __next__(self) -> Any:
        for request in self._first:
            return request
        threading.Event().wait(30)
        raise StopIteration


def refused(open_stream: Any, *arguments: Any) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as raised:
        open_stream(*arguments)
    status: grpc.StatusCode = raised.value.code()
    return status


def test_one_address_may_open_only_so_many_streams_without_a_token(start_server: StartServer) -> None:
    server = start_server(TRUSTED_PROXIES="1", GRPC_ANONYMOUS_STREAMS_PER_ADDRESS_MAX="2")
    with server.channel() as channel, ExitStack() as stack:
        watch = health_watch(channel)
        stack.callback(reflection_open(channel).cancel)
        assert refused(health_watch, channel) == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert refused(reflection_open, channel) == grpc.StatusCode.RESOURCE_EXHAUSTED
        health_watch(channel, "192.0.2.2").cancel()
        # A probe is a call, not a stream.
        stub: Any = health_pb2_grpc.HealthStub(channel)
        assert stub.Check(health_pb2.HealthCheckRequest(), timeout=10).status

        watch.cancel()
        _until_admitted(channel)


def test_all_addresses_together_may_open_only_so_many_streams_without_a_token(start_server: StartServer) -> None:
    server = start_server(TRUSTED_PROXIES="1", GRPC_ANONYMOUS_STREAMS_MAX="3")
    with server.channel() as channel:
        watches = [health_watch(channel, f"192.0.2.{number}") for number in range(3)]
        assert refused(health_watch, channel, "192.0.2.9") == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert all(watch.is_active() for watch in watches)


@pytest.mark.parametrize("key", ["authorization", "x-request-id"])
def test_repeated_metadata_moves_no_money(alice: Person, channel: grpc.Channel, key: str) -> None:
    value = {"authorization": f"Bearer {alice.token}", "x-request-id": "one"}[key]
    metadata = (("authorization", f"Bearer {alice.token}"), ("x-request-id", "one"), (key, value))
    deposit = channel.unary_unary(
        "/wallet.v1.WalletService/Deposit",
        request_serializer=pb.DepositRequest.SerializeToString,
        response_deserializer=pb.DepositResponse.FromString,
    )
    with pytest.raises(grpc.RpcError) as raised:
        deposit(pb.DepositRequest(wallet_id=alice.wallet_id, amount=usd(5)), metadata=metadata, timeout=30)
    refusal = refusal_of(raised.value)
    assert (refusal.status, refusal.code) == (grpc.StatusCode.INVALID_ARGUMENT, "malformed")
    assert refusal.fields == {key: ["Send this metadata only once."]}
    assert alice.balance() == 0


def test_repeated_metadata_is_refused_by_watch_wallet_too(alice: Person, channel: grpc.Channel) -> None:
    watch = channel.unary_stream(
        "/wallet.v1.WalletService/WatchWallet",
        request_serializer=pb.WatchWalletRequest.SerializeToString,
        response_deserializer=pb.WatchWalletResponse.FromString,
    )
    token = ("authorization", f"Bearer {alice.token}")
    with pytest.raises(grpc.RpcError) as raised:
        next(watch(pb.WatchWalletRequest(wallet_id=alice.wallet_id), metadata=(token, token), timeout=30))
    assert refusal_of(raised.value).code == "malformed"


def _until_admitted(channel: grpc.Channel) -> None:
    def is_admitted() -> bool:
        try:
            health_watch(channel).cancel()
        except grpc.RpcError:
            return False
        return True

    wait_until(is_admitted, what="the place of a cancelled stream is free")
