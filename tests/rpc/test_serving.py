"""How `manage.py serve_grpc` starts, reports its health, and stops."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from pytest_django import Settings

from tests.own_redis import OwnRedis
from tests.rpc.caller import SERVICE
from tests.rpc.certificates import certificate
from tests.rpc.conftest import Person
from tests.rpc.fixtures import StartServer
from tests.rpc.server import GrpcServer
from tests.rpc.test_methods import usd
from tests.settlement.conftest import places
from tests.settlement.locks import wallet_held
from tests.settlement.waiting import wait_until
from wallet_project.embedded import Places
from wallet_proto.v1 import wallet_pb2 as pb

__all__ = ["places"]

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def health(channel: grpc.Channel, service: str) -> int:
    stub: Any = health_pb2_grpc.HealthStub(channel)
    return int(stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=10).status)


def signs_of(channel: grpc.Channel) -> Any:
    """Watches the service's health: yields each change."""
    stub: Any = health_pb2_grpc.HealthStub(channel)
    return stub.Watch(health_pb2.HealthCheckRequest(service=SERVICE), timeout=60)


@pytest.mark.parametrize("service", ["", SERVICE])
def test_its_health_is_serving(channel: grpc.Channel, service: str) -> None:
    wait_until(lambda: health(channel, service) == SERVING, what="the service is healthy")


def test_reflection_shows_its_contract(channel: grpc.Channel) -> None:
    contract = ProtoReflectionDescriptorDatabase(channel)

    assert {SERVICE, "grpc.health.v1.Health"} <= set(contract.get_services())
    assert contract.FindFileContainingSymbol(SERVICE).name == "wallet/v1/wallet.proto"


def test_it_finishes_running_calls_before_it_stops(alice: Person, start_server: StartServer) -> None:
    server = start_server()
    with server.channel() as channel:
        calls = alice.over(channel)
        watch = calls.watch(alice.wallet_id)
        watch.next()
        signs = signs_of(channel)
        wait_until(lambda: next(signs).status == SERVING, what="the service is healthy")
        with wallet_held(alice.wallet):
            under_way = calls.begin("Deposit", pb.DepositRequest(wallet_id=alice.wallet_id, amount=usd(5)))
            wait_until(server.waits_for_a_lock, what="the call is at work")
            server.process.terminate()

            # Its health changes for load balancers, watches end, and new calls are refused.
            assert next(signs).status == NOT_SERVING
            ended = watch.refusal()
            assert (ended.status, ended.code) == (grpc.StatusCode.UNAVAILABLE, "unavailable")
            with server.channel() as late:
                refusal = alice.over(late).refused("ListWallets", pb.ListWalletsRequest())
                assert (refusal.status, refusal.retry_after_s) == (grpc.StatusCode.UNAVAILABLE, 1)

        assert under_way.result().transaction.status == pb.TRANSACTION_STATUS_POSTED
        assert server.process.wait(60) == 0
    assert alice.balance() == 5
    assert "Traceback" not in server.output()


def test_a_call_that_does_not_finish_in_time_is_cut_off(alice: Person, start_server: StartServer) -> None:
    server = start_server(GRPC_DRAIN_S="0.3", DATABASE_LOCK_TIMEOUT_MS="1000")
    with server.channel() as channel:
        with wallet_held(alice.wallet):
            under_way = alice.over(channel).begin(
                "Deposit", pb.DepositRequest(wallet_id=alice.wallet_id, amount=usd(5))
            )
            wait_until(server.waits_for_a_lock, what="the call is at work")
            assert server.terminate() == 0
        assert under_way.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
    assert alice.balance() == 0


def test_a_waiting_call_never_starts_after_the_time_is_over(
    alice: Person, bob: Person, start_server: StartServer
) -> None:
    server = start_server(GRPC_THREADS="1", GRPC_DRAIN_S="0.3")
    with server.channel() as channel, wallet_held(alice.wallet):
        under_way = alice.over(channel).begin("Deposit", pb.DepositRequest(wallet_id=alice.wallet_id, amount=usd(5)))
        wait_until(server.waits_for_a_lock, what="the call is at work")
        bobs = bob.over(channel)
        queued = bobs.begin("Deposit", pb.DepositRequest(wallet_id=bob.wallet_id, amount=usd(5)))
        # A later call waits as well, because the only thread is busy.
        late = bobs.refused("ListWallets", pb.ListWalletsRequest(), timeout_s=0.5)
        assert late.status == grpc.StatusCode.DEADLINE_EXCEEDED

        server.process.terminate()
        wait_until(lambda: "Stopped." in server.output(), what="the time is over")

    assert server.process.wait(60) == 0
    # The later call may have given up by then.
    assert re.search("Finishing [23] calls", server.output())
    for call in (under_way, queued):
        assert call.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
    assert bob.balance() == 0


def test_it_exits_if_the_address_is_in_use(grpc_server: GrpcServer, tmp_path: Path) -> None:
    second = GrpcServer(log=tmp_path / "second.log", bind=grpc_server.target)

    assert second.process.wait(60) == 1
    assert f"{grpc_server.target} cannot be served on" in second.output()


def probe(target: str, **environment: str) -> int:
    """The exit code of the container's health check."""
    return subprocess.run(
        [sys.executable, "deploy/probe_grpc.py", target],
        cwd=django_settings.BASE_DIR,
        env=os.environ | environment,
        stderr=subprocess.DEVNULL,
        check=False,
    ).returncode


def test_the_probe_succeeds_only_if_the_server_serves(grpc_server: GrpcServer, channel: grpc.Channel) -> None:
    wait_until(lambda: health(channel, "") == SERVING, what="the service is healthy")

    assert probe(grpc_server.target) == 0
    assert probe("127.0.0.1:1") == 1
    assert probe(grpc_server.target, http_proxy="http://127.0.0.1:1", grpc_proxy="http://127.0.0.1:1") == 0


def test_with_a_certificate_it_accepts_only_tls(alice: Person, start_server: StartServer, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    server = start_server(GRPC_TLS_CERT=str(cert), GRPC_TLS_KEY=str(key))
    request = pb.ListWalletsRequest()

    with grpc.secure_channel(server.target, grpc.ssl_channel_credentials(cert.read_bytes())) as channel:
        assert alice.over(channel).call("ListWallets", request).wallets
        wait_until(lambda: health(channel, "") == SERVING, what="the service is healthy")
    with server.channel() as plain:
        assert alice.over(plain).refused("ListWallets", request).status == grpc.StatusCode.UNAVAILABLE
    assert probe(server.target, GRPC_TLS_CERT=str(cert)) == 0


def test_without_postgres_it_is_not_serving_and_asks_to_retry(alice: Person, start_server: StartServer) -> None:
    server = start_server(DATABASE_URL="postgres://nobody@127.0.0.1:1/nothing")
    with server.channel() as channel:
        wait_until(lambda: health(channel, "") == NOT_SERVING, what="the service is unwell")
        refusal = alice.over(channel).refused("ListWallets", pb.ListWalletsRequest())

    assert (refusal.status, refusal.code, refusal.retry_after_s) == (grpc.StatusCode.UNAVAILABLE, "unavailable", 5)
    assert "127.0.0.1" not in refusal.message


def test_without_redis_money_moves_and_watchers_see_it(
    alice: Person, start_server: StartServer, places: Places
) -> None:
    redis = OwnRedis(places)
    redis.start()
    server = start_server(REDIS_URL=redis.url, THROTTLE_ENABLED="1")
    with server.channel() as channel:
        calls = alice.over(channel)
        watch = calls.watch(alice.wallet_id)
        assert watch.next().version == 0
        redis.stop()

        calls.call("Deposit", pb.DepositRequest(wallet_id=alice.wallet_id, amount=usd(5)))

        assert watch.next().balance == usd(5)
        watch.call.cancel()


def test_it_does_not_start_with_a_certificate_but_without_its_key(settings: Settings) -> None:
    settings.GRPC_TLS_CERT = "cert.pem"

    with pytest.raises(SystemCheckError, match="E008"):
        call_command("check")
