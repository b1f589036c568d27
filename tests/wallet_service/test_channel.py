"""How a web process calls the service: over TLS, with safe retries, and with clear errors."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_django import Settings

from tests.client.wire import Wire
from tests.people import person
from tests.rpc.certificates import certificate
from tests.rpc.fixtures import StartServer, start_server
from tests.rpc.server import GrpcServer
from tests.wallet_service.site import KEY
from transactions.gateway import channel
from transactions.gateway.errors import ServiceFailedError, refusal_of
from transactions.gateway.remote import RemoteGateway
from transactions.models import Transaction
from transactions.recipients import TransferRequest
from transactions.rpc.errors import error_status
from transactions.selectors import HistoryQuery
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User, Wallet

__all__ = ["start_server"]

GATEWAY = RemoteGateway()


@pytest.fixture
def alice(transactional_db: None) -> User:
    return person("alice")


@pytest.fixture(autouse=True)
def _channels(settings: Settings) -> Iterator[None]:
    """Closes the channels, so that each test's calls use its own settings."""
    settings.WALLET_SERVICE_KEY = KEY
    channel._channels.clear()
    yield
    for one in channel._channels.values():
        one.close()
    channel._channels.clear()


def test_it_calls_a_service_with_a_trusted_certificate_over_tls(
    alice: User, start_server: StartServer, settings: Settings, tmp_path: Path
) -> None:
    cert, key = certificate(tmp_path)
    server = start_server(GRPC_TLS_CERT=str(cert), GRPC_TLS_KEY=str(key), WALLET_SERVICE_KEY=KEY)
    settings.WALLET_SERVICE, settings.WALLET_SERVICE_CA = f"grpcs://{server.target}", str(cert)

    assert [view.balance for view in GATEWAY.wallet_view_list(owner=alice)] == [0]

    channel._channels.clear()
    settings.WALLET_SERVICE_CA = ""
    with pytest.raises(WalletError) as refused:
        GATEWAY.wallet_view_list(owner=alice)
    assert refused.value.code == ErrorCode.UNAVAILABLE


@pytest.mark.parametrize("variable", ["http_proxy", "https_proxy", "grpc_proxy"])
def test_a_proxy_for_the_internet_is_not_asked_for_the_service(
    alice: User, service: GrpcServer, settings: Settings, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:1")
    settings.WALLET_SERVICE = f"grpc://{service.target}"

    assert [view.balance for view in GATEWAY.wallet_view_list(owner=alice)] == [0]
    assert channel.service_check(timeout_s=5.0) == "ok"


def test_a_service_with_another_key_is_an_internal_error(alice: User, service: GrpcServer, settings: Settings) -> None:
    settings.WALLET_SERVICE = f"grpc://{service.target}"
    settings.WALLET_SERVICE_KEY = "another key"
    with pytest.raises(ServiceFailedError, match="WALLET_SERVICE_KEY"):
        GATEWAY.wallet_view_list(owner=alice)


def test_a_user_who_was_just_deactivated_must_log_in(alice: User, service: GrpcServer, settings: Settings) -> None:
    settings.WALLET_SERVICE = f"grpc://{service.target}"
    User.objects.update(is_active=False)
    with pytest.raises(WalletError) as refused:
        GATEWAY.wallet_view_list(owner=alice)
    assert refused.value.code == ErrorCode.NOT_AUTHENTICATED


@pytest.mark.parametrize("key", ["lunch-1", None])
def test_a_write_whose_answer_is_lost_is_retried_only_with_a_key(
    alice: User, service: GrpcServer, settings: Settings, key: str | None
) -> None:
    wire = Wire(service.port)
    settings.WALLET_SERVICE = f"grpc://{wire.target}"
    wallet = Wallet.objects.get(owner=alice)
    assert GATEWAY.wallet_view_get(owner=alice, wallet_id=wallet.pk).balance == 0
    wire.arm()
    if key:
        receipt = GATEWAY.deposit_create(actor=alice, wallet_id=wallet.pk, amount=5, memo="Lunch", idempotency_key=key)
        assert receipt.replayed
    else:
        with pytest.raises(WalletError, match="not known whether this was done") as unknown:
            GATEWAY.deposit_create(actor=alice, wallet_id=wallet.pk, amount=5, memo="Lunch")
        assert unknown.value.code == ErrorCode.UNAVAILABLE
    wire.close()
    assert wire.cuts == 1
    assert Transaction.objects.count() == 1


def test_a_read_whose_answer_is_lost_is_retried(alice: User, service: GrpcServer, settings: Settings) -> None:
    wire = Wire(service.port)
    settings.WALLET_SERVICE = f"grpc://{wire.target}"
    wallet = Wallet.objects.get(owner=alice)
    GATEWAY.deposit_create(actor=alice, wallet_id=wallet.pk, amount=5, memo="Lunch", idempotency_key="one")
    wire.arm()
    (found,) = GATEWAY.transaction_list_by_key(user=alice, idempotency_key="one")
    wire.close()
    assert (wire.cuts, found.memo) == (1, "Lunch")


def test_a_list_with_a_transfer_without_a_key_is_sent_once(
    alice: User, service: GrpcServer, settings: Settings
) -> None:
    person("bob")
    wire = Wire(service.port)
    settings.WALLET_SERVICE = f"grpc://{wire.target}"
    wallet = Wallet.objects.get(owner=alice)
    wire.arm()
    wanted = [
        TransferRequest(source_id=wallet.pk, recipient="bob", amount=5, memo="Lunch", idempotency_key=key)
        for key in ("one", None)
    ]
    with pytest.raises(WalletError, match="not known whether this was done"):
        GATEWAY.transfers_submit(actor=alice, requests=wanted)
    wire.close()
    assert (wire.cuts, Transaction.objects.count()) == (1, 2)


def test_opening_a_wallet_whose_answer_is_lost_is_not_reported_as_a_duplicate(
    alice: User, service: GrpcServer, settings: Settings
) -> None:
    wire = Wire(service.port)
    settings.WALLET_SERVICE = f"grpc://{wire.target}"
    wire.arm(b"EUR")
    with pytest.raises(WalletError, match="not known whether this was done") as unknown:
        GATEWAY.wallet_open(owner=alice, currency="EUR")
    wire.close()
    assert (wire.cuts, unknown.value.code) == (1, ErrorCode.UNAVAILABLE)
    assert Wallet.objects.filter(owner=alice, currency="EUR").count() == 1


def test_a_page_of_a_future_version_is_not_cached_for_it(alice: User, service: GrpcServer, settings: Settings) -> None:
    settings.WALLET_SERVICE = f"grpc://{service.target}"
    wallet, query = Wallet.objects.get(owner=alice), HistoryQuery()
    view = GATEWAY.wallet_view_get(owner=alice, wallet_id=wallet.pk)
    assert GATEWAY.history_page(wallet=replace(view, version=1), query=query).entries == []

    GATEWAY.deposit_create(actor=alice, wallet_id=wallet.pk, amount=5)

    view = GATEWAY.wallet_view_get(owner=alice, wallet_id=wallet.pk)
    assert [entry["sequence"] for entry in GATEWAY.history_page(wallet=view, query=query).entries] == [1]


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_refusal_arrives_unchanged(code: ErrorCode) -> None:
    raised = WalletError(code, "So it is.", fields={"memo": ["Too long.", "Too rude."], "amount": ["None."]})
    raised.retry_after_s = 7

    arrived = refusal_of(error_status(raised))

    assert arrived is not None
    assert vars(arrived) == vars(raised)
