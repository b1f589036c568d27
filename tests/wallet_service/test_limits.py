"""A web process that calls the service directly gets no more for a user than that user's limits."""

from collections.abc import Iterator

import grpc
import pytest
from django.core.cache import cache
from pytest_django import Settings

from kit.limits import buckets
from tests.api.client import Person
from tests.rpc.caller import Refusal
from tests.rpc.fixtures import StartServer
from tests.wallet_service.asserted import PUBLIC, asserted, call_send, code_of
from tests.wallet_service.clock import clock_shift
from tests.wallet_service.site import KEY
from transactions.gateway import channel
from transactions.gateway.remote import RemoteGateway
from transactions.models import Transaction
from transactions.rpc.arrivals import Arrival
from transactions.rpc.handling import Answer, call_answer
from transactions.rpc.methods import METHODS
from wallet_proto.v1 import wallet_pb2 as pb
from wallets.auth.wallet_service.assertions import SCHEME, assertion_make
from wallets.domain.errors import ErrorCode, WalletError
from wallets.tokens.services import token_issue


@pytest.fixture(autouse=True)
def _limits(settings: Settings) -> Iterator[None]:
    """Every quota is one unit, so web processes have two."""
    settings.WALLET_SERVICE_KEY = KEY
    settings.THROTTLE_ENABLED, settings.THROTTLE_SCALE = True, 0.0
    buckets.buckets_apart.clear()
    yield
    buckets.buckets_apart.clear()


@pytest.fixture
def new_channel() -> Iterator[None]:
    """The gateway calls the service of this test, and not that of an earlier one."""
    channel._channels.clear()
    yield
    channel._channels.clear()


def answered(name: str, request: bytes, authorization: str) -> bool:
    return answer_of(name, request, authorization).status is None


def answer_of(name: str, request: bytes, authorization: str) -> Answer:
    arrival = Arrival(
        method=f"{PUBLIC}/{name}",
        body=request,
        authorization=authorization,
        request_id="",
        network="127.0.0.1",
        deadline_s=None,
    )
    return call_answer(METHODS[name], arrival)


def asserted_read(person: Person) -> bool:
    assertion = assertion_make(user_id=person.user.pk, method=f"{PUBLIC}/ListWallets", body=b"")
    return answered("ListWallets", b"", f"{SCHEME} {assertion}")


def test_a_users_calls_through_web_processes_are_limited(alice: Person, bob: Person) -> None:
    assert [asserted_read(alice) for _ in range(3)] == [True, True, False]
    assert asserted_read(bob)


def test_the_limit_is_apart_from_that_of_the_users_tokens(alice: Person) -> None:
    _, secret = token_issue(user=alice.user, name="test")
    assert [asserted_read(alice) for _ in range(3)] == [True, True, False]
    assert [answered("ListWallets", b"", f"Bearer {secret}") for _ in range(2)] == [True, False]


def test_wiping_redis_fills_no_bucket(alice: Person) -> None:
    assert [asserted_read(alice) for _ in range(3)] == [True, True, False]
    cache.clear()
    assert not asserted_read(alice)


@pytest.mark.parametrize("fault", ["clock", "key"])
def test_a_web_process_with_a_wrong_clock_or_key_is_told_so_each_time(
    alice: Person, settings: Settings, fault: str
) -> None:
    """Failures of users' tokens are limited by network, and a refused limit would hide what is wrong."""
    if fault == "clock":
        clock_shift(60)
    else:
        settings.WALLET_SERVICE_KEY = "another-key-that-the-service-does-not-know-9876543210"
    headers = [asserted(alice.user, f"{PUBLIC}/ListWallets", pb.ListWalletsRequest()) for _ in range(3)]
    clock_shift(0)
    settings.WALLET_SERVICE_KEY = KEY
    statuses = [answer_of("ListWallets", b"", header).status for header in headers]
    code = grpc.StatusCode.UNAVAILABLE if fault == "clock" else grpc.StatusCode.PERMISSION_DENIED
    assert [status and status.code for status in statuses] == [code.value[0]] * 3


def test_calls_that_move_money_are_limited_and_a_refused_one_changes_nothing(
    alice: Person, start_server: StartServer, settings: Settings, new_channel: None
) -> None:
    server = start_server(WALLET_SERVICE_KEY=KEY, THROTTLE_ENABLED="1", THROTTLE_SCALE="0")
    method = f"{PUBLIC}/Deposit"
    request = pb.DepositRequest(wallet_id=str(alice.wallet.pk), amount=pb.Money(minor_units=5))
    answers = [call_send(server, method, request, asserted(alice.user, method, request)) for _ in range(3)]
    assert [code_of(answer) for answer in answers] == ["", "", "rate_limited"]
    assert isinstance(answers[2], Refusal)
    assert answers[2].retry_after_s
    settings.WALLET_SERVICE = f"grpc://{server.target}"
    refused_before = server.output().count("RESOURCE_EXHAUSTED")
    with pytest.raises(WalletError) as refused:
        RemoteGateway.deposit_create(actor=alice.user, wallet_id=alice.wallet.pk, amount=5, idempotency_key="one")
    assert (refused.value.code, bool(refused.value.retry_after_s)) == (ErrorCode.RATE_LIMITED, True)
    # The web process does not insist.
    assert server.output().count("RESOURCE_EXHAUSTED") == refused_before + 1
    assert Transaction.objects.count() == 2


def test_each_transfer_of_a_list_counts(alice: Person, bob: Person, start_server: StartServer) -> None:
    # The quota of lists is 30 000 transfers a minute; of this one it leaves three, and web processes have twice that.
    server = start_server(WALLET_SERVICE_KEY=KEY, THROTTLE_ENABLED="1", THROTTLE_SCALE="0.0001")
    alice.deposit(100)
    item = pb.TransferItem(source=str(alice.wallet.pk), recipient="bob", amount=pb.Money(minor_units=5))
    method, request = f"{PUBLIC}/SubmitTransfers", pb.SubmitTransfersRequest(transfers=[item] * 3)
    answers = [call_send(server, method, request, asserted(alice.user, method, request)) for _ in range(3)]
    assert [code_of(answer) for answer in answers] == ["", "", "rate_limited"]
