"""A web process whose clock differs from the service's: nothing moves, and everybody is told why."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from tests.api.client import assert_problem
from tests.people import person
from tests.rpc.server import GrpcServer
from tests.settlement.waiting import wait_until
from tests.wallet_service.clock import clock_shift
from tests.wallet_service.conftest import person as person_at
from tests.wallet_service.site import KEY, Site, Visitor
from transactions.gateway import channel
from transactions.gateway.remote import RemoteGateway
from transactions.models import Transaction
from wallets.auth.wallet_service.assertions import ClockSkewError
from wallets.models import UsedNonce, Wallet

pytestmark = pytest.mark.long

GATEWAY = RemoteGateway()


@pytest.fixture(autouse=True)
def _gateway(settings: Settings, service: GrpcServer, transactional_db: None) -> Iterator[None]:
    settings.WALLET_SERVICE, settings.WALLET_SERVICE_KEY = f"grpc://{service.target}", KEY
    channel._channels.clear()
    yield
    clock_shift(0)
    channel._channels.clear()


@pytest.mark.parametrize("ahead_s", [37, -37])
def test_a_write_from_another_time_moves_nothing_and_is_not_repeated(service: GrpcServer, ahead_s: int) -> None:
    alice = person("alice")
    wallet = Wallet.objects.get(owner=alice)
    calls_before = service.output().count("assertion_from_another_time")
    clock_shift(ahead_s)
    with pytest.raises(ClockSkewError) as refused:
        GATEWAY.deposit_create(actor=alice, wallet_id=wallet.pk, amount=5, idempotency_key="one")
    assert refused.value.skew_ms == pytest.approx(ahead_s * 1_000, abs=2_000)
    assert not Transaction.objects.exists()
    assert not UsedNonce.objects.exists()
    wait_until(
        lambda: service.output().count("assertion_from_another_time") == calls_before + 1, what="the service said so"
    )


@pytest.mark.parametrize("ahead_s", [5, -5])
def test_clocks_may_differ_by_seconds(ahead_s: int) -> None:
    alice = person("alice")
    clock_shift(ahead_s)
    assert [view.balance for view in GATEWAY.wallet_view_list(owner=alice)] == [0]


@pytest.mark.parametrize("ahead_s", [37, -37])
def test_the_site_answers_503_and_its_log_and_readiness_say_by_how_much_the_clocks_differ(
    service: GrpcServer, tmp_path: Path, ahead_s: int
) -> None:
    settings = {"DJANGO_SETTINGS_MODULE": "tests.wallet_service.clock_settings", "CLOCK_AHEAD_S": str(ahead_s)}
    site = Site(log=tmp_path / "site.log", service=service.target, **settings)
    try:
        alice = person_at(person("alice"), site.wait_until_up())
        for answer in (
            alice.api.get(alice.wallet_path),
            alice.api.post(f"{alice.wallet_path}/deposits", {"amount": 5}),
            alice.api.post(f"{alice.wallet_path}/deposits", {"amount": 5}, Idempotency_Key="one"),
        ):
            assert_problem(answer, "unavailable", 503)
            assert int(answer["Retry-After"]) >= 1
        ready = Visitor(site.internal_port).get("/readyz")
        output = site.output()
    finally:
        site.terminate()
    assert ready.status_code == 503
    assert ready.json()["parts"]["wallet_service"] in {"clocks differ by 36 s", "clocks differ by 37 s"}
    logged = [line for line in output.splitlines() if "wallet_service_clock_differs" in line]
    assert len(logged) >= 3
    assert f'"our_clock_is_ahead_s": {"-" if ahead_s < 0 else ""}3' in logged[0]
    assert not Transaction.objects.exists()


def test_readiness_says_that_the_service_refuses_this_process(service: GrpcServer, tmp_path: Path) -> None:
    key = "a-key-that-is-not-the-services-0123456789-0123456789-abc"
    site = Site(log=tmp_path / "site.log", service=service.target, WALLET_SERVICE_KEY=key)
    try:
        ready = Visitor(site.wait_until_up().internal_port).get("/readyz")
    finally:
        site.terminate()
    assert ready.status_code == 503
    assert ready.json()["parts"]["wallet_service"] == "refuses this process's WALLET_SERVICE_KEY"
