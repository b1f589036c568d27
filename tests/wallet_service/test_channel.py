"""How a web process calls: through TLS, again where that is safe, and with words for when it cannot."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from tests.client.wire import Wire
from tests.rpc.certificates import certificate
from tests.rpc.fixtures import StartServer, start_server
from tests.rpc.server import GrpcServer
from tests.wallet_service.site import KEY
from transactions.book import MoneyBook
from transactions.models import Transaction
from transactions.remote import channel
from transactions.remote.errors import ServiceFailedError
from transactions.remote.money import RemoteMoneyBook
from transactions.remote.wallets import RemoteWalletBook
from wallets.book import WalletBook
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User, Wallet
from wallets.services import user_register

__all__ = ["start_server"]

WALLETS: WalletBook = RemoteWalletBook()
MONEY: MoneyBook = RemoteMoneyBook()


@pytest.fixture
def alice(transactional_db: None) -> User:
    return user_register(username="alice", email="alice@example.com", password="correct horse battery staple")


@pytest.fixture(autouse=True)
def _channels(settings: Settings) -> Iterator[None]:
    """Each test's calls go where its own settings say."""
    settings.WALLET_SERVICE_KEY = KEY
    channel._channels.clear()
    yield
    for one in channel._channels.values():
        one.close()
    channel._channels.clear()


def test_it_calls_through_tls_a_service_whose_certificate_it_knows(
    alice: User, start_server: StartServer, settings: Settings, tmp_path: Path
) -> None:
    cert, key = certificate(tmp_path)
    server = start_server(GRPC_TLS_CERT=str(cert), GRPC_TLS_KEY=str(key), WALLET_SERVICE_KEY=KEY)
    settings.WALLET_SERVICE, settings.WALLET_SERVICE_CA = f"grpcs://{server.target}", str(cert)

    assert [head.balance for head in WALLETS.wallet_head_list(owner=alice)] == [0]

    channel._channels.clear()
    settings.WALLET_SERVICE_CA = ""
    with pytest.raises(WalletError) as refused:
        WALLETS.wallet_head_list(owner=alice)
    assert refused.value.code == ErrorCode.UNAVAILABLE


def test_a_service_with_another_key_is_a_mistake_of_ours_and_not_of_whoever_asks(
    alice: User, service: GrpcServer, settings: Settings
) -> None:
    settings.WALLET_SERVICE = f"grpc://{service.target}"
    settings.WALLET_SERVICE_KEY = "another key"
    with pytest.raises(ServiceFailedError, match="WALLET_SERVICE_KEY"):
        WALLETS.wallet_head_list(owner=alice)


def test_who_was_shut_out_a_moment_ago_is_told_to_sign_in(alice: User, service: GrpcServer, settings: Settings) -> None:
    settings.WALLET_SERVICE = f"grpc://{service.target}"
    User.objects.update(is_active=False)
    with pytest.raises(WalletError) as refused:
        WALLETS.wallet_head_list(owner=alice)
    assert refused.value.code == ErrorCode.NOT_AUTHENTICATED


@pytest.mark.parametrize("key", ["lunch-1", None])
def test_a_lost_answer_is_asked_for_again_only_with_a_key(
    alice: User, service: GrpcServer, settings: Settings, key: str | None
) -> None:
    wire = Wire(service.port)
    settings.WALLET_SERVICE = f"grpc://{wire.target}"
    wallet = Wallet.objects.get(owner=alice)
    assert WALLETS.wallet_head_get(owner=alice, wallet_id=wallet.pk).balance == 0
    wire.arm()
    if key:
        receipt = MONEY.deposit_create(actor=alice, wallet_id=wallet.pk, amount=5, memo="Lunch", idempotency_key=key)
        assert receipt.replayed
    else:
        with pytest.raises(WalletError, match="not known whether this was done") as unknown:
            MONEY.deposit_create(actor=alice, wallet_id=wallet.pk, amount=5, memo="Lunch")
        assert unknown.value.code == ErrorCode.UNAVAILABLE
    wire.close()
    assert wire.cuts == 1
    assert Transaction.objects.count() == 1


def test_a_read_that_is_cut_off_is_made_again(alice: User, service: GrpcServer, settings: Settings) -> None:
    wire = Wire(service.port)
    settings.WALLET_SERVICE = f"grpc://{wire.target}"
    wallet = Wallet.objects.get(owner=alice)
    MONEY.deposit_create(actor=alice, wallet_id=wallet.pk, amount=5, memo="Lunch", idempotency_key="one")
    wire.arm()
    (found,) = MONEY.transaction_list_by_key(user=alice, idempotency_key="one")
    wire.close()
    assert (wire.cuts, found.memo) == (1, "Lunch")
