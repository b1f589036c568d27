"""What an eavesdropper gains who has caught a call of a web process: nothing that moves money."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import transaction
from django.db.models.functions import Now
from django.db.transaction import TransactionManagementError
from google.protobuf.message import Message
from pytest_django import Settings

from tests.api.client import Person
from tests.rpc.caller import Refusal
from tests.rpc.fixtures import StartServer
from tests.rpc.server import GrpcServer
from tests.wallet_service.asserted import PUBLIC, asserted, call_send, code_of
from tests.wallet_service.site import KEY
from transactions.models import Transaction
from transactions.rpc.internal import CHECK, METHODS, SERVICE
from transactions.rpc.methods import METHODS as PUBLIC_METHODS
from wallet_proto.internal.v1 import internal_pb2 as internal
from wallet_proto.v1 import wallet_pb2 as pb
from wallets.auth.wallet_service.nonces import KEPT, nonce_spend
from wallets.models import UsedNonce, Wallet
from wallets.tasks import nonces_delete_expired_task
from wallets.tokens.services import token_issue

DEPOSIT = f"{PUBLIC}/Deposit"
READS = ("Get", "List", "Read", "Preview")


@pytest.fixture(autouse=True)
def _shared_key(settings: Settings) -> None:
    settings.WALLET_SERVICE_KEY = KEY


def deposit_of(person: Person, amount: int = 5) -> pb.DepositRequest:
    """A deposit without an idempotency key, which would hide a replay."""
    return pb.DepositRequest(wallet_id=str(person.wallet.pk), amount=pb.Money(minor_units=amount))


def writes_of(alice: Person) -> dict[str, Message]:
    """Every call that changes something, without idempotency keys."""
    source, amount = str(alice.wallet.pk), pb.Money(minor_units=5)
    return {
        DEPOSIT: deposit_of(alice),
        f"{PUBLIC}/Withdraw": pb.WithdrawRequest(wallet_id=source, amount=amount),
        f"{PUBLIC}/Transfer": pb.TransferRequest(source=source, recipient="bob", amount=amount),
        f"{PUBLIC}/SubmitTransfer": pb.SubmitTransferRequest(source=source, recipient="bob", amount=amount),
        f"{PUBLIC}/SubmitTransfers": pb.SubmitTransfersRequest(
            transfers=[pb.TransferItem(source=source, recipient="bob", amount=amount)]
        ),
        f"{SERVICE}/OpenWallet": internal.OpenWalletRequest(currency="EUR"),
        f"{SERVICE}/OpenOwedWallet": internal.OpenOwedWalletRequest(),
        f"{SERVICE}/SetLimits": internal.SetLimitsRequest(wallet_id=source, per_day=900),
        f"{SERVICE}/SetStepUp": internal.SetStepUpRequest(wallet_id=source, above=7),
    }


def test_each_write_is_done_once_and_its_replay_changes_nothing(
    service: GrpcServer, alice: Person, bob: Person
) -> None:
    alice.deposit(1_000)
    for method, request in writes_of(alice).items():
        header = asserted(alice.user, method, request)
        assert isinstance(call_send(service, method, request, header), bytes), method
        before = list(Transaction.objects.order_by("id").values()), list(Wallet.objects.order_by("id").values())

        replay = call_send(service, method, request, header)

        assert isinstance(replay, Refusal), method
        assert (replay.code, replay.message) == ("permission_denied", "This assertion was used before."), method
        after = list(Transaction.objects.order_by("id").values()), list(Wallet.objects.order_by("id").values())
        assert after == before, method
    assert "assertion_replayed" in service.output()


def test_every_method_that_changes_something_is_among_them(alice: Person) -> None:
    """A method whose assertion may be used twice must only read."""
    methods = {PUBLIC: PUBLIC_METHODS, SERVICE: METHODS}
    names = {
        f"{service}/{name}": method.is_read for service, known in methods.items() for name, method in known.items()
    }
    assert {name for name, is_read in names.items() if not is_read} == writes_of(alice).keys()
    assert all(name.rpartition("/")[2].startswith(READS) for name, is_read in names.items() if is_read)


def test_a_refused_write_cannot_be_replayed_when_it_would_succeed(service: GrpcServer, alice: Person) -> None:
    method = f"{PUBLIC}/Withdraw"
    request = pb.WithdrawRequest(wallet_id=str(alice.wallet.pk), amount=pb.Money(minor_units=5), idempotency_key="one")
    header = asserted(alice.user, method, request)
    assert code_of(call_send(service, method, request, header)) == "insufficient_funds"

    alice.deposit(1_000)

    assert code_of(call_send(service, method, request, header)) == "permission_denied"
    assert alice.balance() == 1_000


def test_of_many_simultaneous_calls_with_one_assertion_one_is_made(service: GrpcServer, alice: Person) -> None:
    request = deposit_of(alice)
    header = asserted(alice.user, DEPOSIT, request)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: code_of(call_send(service, DEPOSIT, request, header)), range(8)))
    assert sorted(answers) == ["", *["permission_denied"] * 7]
    assert alice.balance() == 5


def test_no_other_process_accepts_it_a_second_time_and_no_wiped_redis_helps(
    service: GrpcServer, start_server: StartServer, alice: Person
) -> None:
    request = deposit_of(alice)
    header = asserted(alice.user, DEPOSIT, request)
    assert isinstance(call_send(service, DEPOSIT, request, header), bytes)
    cache.clear()
    other = start_server(WALLET_SERVICE_KEY=KEY)
    assert code_of(call_send(other, DEPOSIT, request, header)) == "permission_denied"
    assert alice.balance() == 5


def test_a_caught_assertion_fits_no_other_call(service: GrpcServer, alice: Person, bob: Person) -> None:
    alice.deposit(100)
    request = deposit_of(alice)
    larger, others = deposit_of(alice, 500), deposit_of(bob)
    for method, sent, header in (
        (DEPOSIT, larger, asserted(alice.user, DEPOSIT, request)),
        (DEPOSIT, others, asserted(alice.user, DEPOSIT, request)),
        (f"{PUBLIC}/Withdraw", request, asserted(alice.user, DEPOSIT, request)),
        (DEPOSIT, request.SerializeToString() + b"\x1a\x00", asserted(alice.user, DEPOSIT, request)),
        (DEPOSIT, request, asserted(alice.user, f"{PUBLIC}/GetWallet", request)),
        (DEPOSIT, request, asserted(alice.user, DEPOSIT, request).replace(" ", f" {bob.user.pk}", 1)),
        (DEPOSIT, request, asserted(alice.user, DEPOSIT, request)[:-2]),
    ):
        assert code_of(call_send(service, method, sent, header)) == "permission_denied", (method, sent)
    assert (alice.balance(), bob.balance()) == (100, 0)
    # Refused calls use nothing up: the genuine call still works.
    assert not UsedNonce.objects.exists()


@pytest.mark.parametrize("headers", [(), ("",), ("Service",), ("service  ",), ("Basic YWxpY2U6eA==",)])
def test_a_call_without_an_assertion_is_not_authenticated(
    service: GrpcServer, alice: Person, headers: tuple[str, ...]
) -> None:
    assert code_of(call_send(service, DEPOSIT, deposit_of(alice), *headers)) == "not_authenticated"


def test_two_assertions_in_one_call_are_refused(service: GrpcServer, alice: Person) -> None:
    request = deposit_of(alice)
    two = [asserted(alice.user, DEPOSIT, request) for _ in range(2)]
    assert code_of(call_send(service, DEPOSIT, request, *two)) == "malformed"
    assert alice.balance() == 0


def test_a_read_may_be_repeated_and_uses_no_nonce_up(service: GrpcServer, alice: Person) -> None:
    method, request = f"{PUBLIC}/ListWallets", pb.ListWalletsRequest()
    header = asserted(alice.user, method, request)
    assert [isinstance(call_send(service, method, request, header), bytes) for _ in range(2)] == [True, True]
    assert not UsedNonce.objects.exists()


def test_no_web_process_can_keep_a_watch_open(service: GrpcServer, alice: Person) -> None:
    method, request = f"{PUBLIC}/WatchWallet", pb.WatchWalletRequest(wallet_id=str(alice.wallet.pk))
    assert code_of(call_send(service, method, request, asserted(alice.user, method, request))) == "permission_denied"


def test_the_check_of_an_assertion_is_for_web_processes_only(service: GrpcServer, alice: Person) -> None:
    method, request = f"{SERVICE}/{CHECK}", internal.CheckAssertionRequest()
    _, token = token_issue(user=alice.user, name="test")
    assert call_send(service, method, request, asserted(alice.user, method, request)) == b""
    for headers in ((), (f"Bearer {token}",), ("Service x",), (asserted(alice.user, DEPOSIT, request),)):
        assert code_of(call_send(service, method, request, *headers)) == "permission_denied", headers


def test_the_site_asserts_each_write_anew(alice: Person) -> None:
    for _ in range(2):
        assert alice.api.post(f"{alice.wallet_path}/deposits", {"amount": 5}).status_code == 201
    assert UsedNonce.objects.count() == 2


def test_nonces_are_deleted_when_their_assertions_have_long_expired(alice: Person) -> None:
    assert alice.api.post(f"{alice.wallet_path}/deposits", {"amount": 5}).status_code == 201
    UsedNonce.objects.update(used_at=Now() - KEPT + timedelta(seconds=30))
    nonces_delete_expired_task()
    assert UsedNonce.objects.count() == 1
    UsedNonce.objects.update(used_at=Now() - KEPT - timedelta(seconds=1))
    nonces_delete_expired_task()
    assert not UsedNonce.objects.exists()


def test_a_nonce_is_never_spent_in_the_transaction_that_moves_money(transactional_db: None) -> None:
    """It would make that transaction's commit not wait for the disk."""
    with transaction.atomic(), pytest.raises(TransactionManagementError):
        nonce_spend(nonce=uuid4())
