"""Refusals and faults as gRPC statuses."""

import grpc
import pytest
from google.protobuf.message import Message

from tests.rpc.caller import Caller
from tests.rpc.conftest import Person
from tests.rpc.test_methods import usd
from transactions.rpc.errors import STATUS, error_of, error_status
from transactions.rpc.server import MESSAGE_BYTES_MAX
from wallet_proto.v1 import wallet_pb2 as pb
from wallets.domain.errors import CATALOGUE, ErrorCode, WalletError
from wallets.models import User


def test_exactly_the_codes_of_the_catalogue_have_a_status() -> None:
    assert STATUS.keys() == set(ErrorCode)
    assert grpc.StatusCode.OK not in STATUS.values()


@pytest.mark.parametrize("code", list(ErrorCode))
def test_a_status_contains_the_code_and_whether_it_is_retryable(code: ErrorCode) -> None:
    status = error_status(WalletError(code, "So it is."))

    assert status.message == "So it is."
    assert code.value.encode() in status.SerializeToString()
    assert str(CATALOGUE[code].retryable).lower().encode() in status.SerializeToString()


def test_the_status_of_each_code_is_stable() -> None:
    """Clients rely on this table."""
    codes_by_status: dict[str, list[ErrorCode]] = {}
    for code, status in STATUS.items():
        codes_by_status.setdefault(status.name, []).append(code)

    assert {status: sorted(codes) for status, codes in codes_by_status.items()} == {
        "INVALID_ARGUMENT": ["malformed", "not_acceptable", "payload_too_large", "unsupported_media_type"],
        "UNAUTHENTICATED": ["not_authenticated"],
        "PERMISSION_DENIED": [
            "csrf_failed",
            "funding_closed",
            "insufficient_scope",
            "permission_denied",
            "step_up_required",
        ],
        "NOT_FOUND": ["not_found"],
        "UNIMPLEMENTED": ["method_not_allowed"],
        "ALREADY_EXISTS": ["wallet_exists"],
        "ABORTED": ["idempotency_in_progress"],
        "FAILED_PRECONDITION": [
            "balance_limit_exceeded", "currency_mismatch", "idempotency_key_reused", "insufficient_funds",
            "payout_returned", "recipient_cannot_receive", "recipient_not_found", "same_wallet", "settlement_failed",
            "spending_limit_exceeded",
                "token_ceiling_exceeded",
            "wallet_closed",
            "wallet_frozen",
        ],
        "RESOURCE_EXHAUSTED": ["rate_limited"],
        "INTERNAL": ["internal_error"],
        "UNAVAILABLE": ["unavailable"],
    }  # fmt: skip


def test_only_a_retryable_code_has_a_status_that_clients_retry() -> None:
    """Clients and proxies retry UNAVAILABLE automatically."""
    assert [code for code, status in STATUS.items() if status == grpc.StatusCode.UNAVAILABLE] == [ErrorCode.UNAVAILABLE]


def test_an_unexpected_error_reveals_nothing(caplog: pytest.LogCaptureFixture) -> None:
    error = error_of(RuntimeError("the password of the database is 1234"))

    assert error.code == ErrorCode.INTERNAL_ERROR
    assert "1234" not in error.detail
    assert "1234" in caplog.text


def test_a_refusal_has_a_code_and_is_not_retryable(alice: Person) -> None:
    refusal = alice.calls.refused("Withdraw", pb.WithdrawRequest(wallet_id=alice.wallet_id, amount=usd(1)))

    assert refusal.status == grpc.StatusCode.FAILED_PRECONDITION
    assert (refusal.code, refusal.retryable, refusal.retry_after_s) == ("insufficient_funds", False, None)
    assert refusal.message == "The wallet holds $0.00; $0.01 is needed."


def test_a_malformed_request_names_every_field(alice: Person) -> None:
    refusal = alice.calls.refused("Deposit", pb.DepositRequest(wallet_id="mine", memo="m" * 201, idempotency_key=""))

    assert refusal.status == grpc.StatusCode.INVALID_ARGUMENT
    assert refusal.fields == {
        "wallet_id": ["Must be an id: a string of digits."],
        "amount": ["This field is required."],
        "memo": ["Ensure this field has no more than 200 characters."],
        "idempotency_key": ["Must be 1 to 255 visible ASCII characters."],
    }


@pytest.mark.parametrize("body", [b"\xff\xff\xff", b"\x0a\x02\xff\xfe"])
def test_bytes_that_are_not_a_message_are_malformed(alice: Person, body: bytes) -> None:
    refusal = alice.calls.refused("GetWallet", body)

    assert (refusal.status, refusal.code) == (grpc.StatusCode.INVALID_ARGUMENT, "malformed")


def test_too_large_a_message_is_refused(alice: Person) -> None:
    refusal = alice.calls.refused("Deposit", pb.DepositRequest(memo="m" * MESSAGE_BYTES_MAX))

    assert refusal.status == grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("currency", ["EUR", "usd", "dollars"])
def test_an_amount_in_another_currency_is_refused(alice: Person, bob: Person, currency: str) -> None:
    alice.deposit(100)
    wallet_id, amount = alice.wallet_id, pb.Money(minor_units=5, currency=currency)
    requests: dict[str, Message] = {
        "Deposit": pb.DepositRequest(wallet_id=wallet_id, amount=amount),
        "Withdraw": pb.WithdrawRequest(wallet_id=wallet_id, amount=amount),
        "Transfer": pb.TransferRequest(source=wallet_id, recipient="bob", amount=amount),
        "SubmitTransfer": pb.SubmitTransferRequest(source=wallet_id, recipient="bob", amount=amount),
    }
    codes = {method: alice.calls.refused(method, request).code for method, request in requests.items()}

    assert codes == dict.fromkeys(requests, "malformed" if currency == "dollars" else "currency_mismatch")
    assert (alice.balance(), bob.balance()) == (100, 0)


def test_each_item_of_a_list_is_judged_on_its_own(alice: Person, bob: Person) -> None:
    items = [
        pb.TransferItem(source=alice.wallet_id, recipient="bob", amount=usd(5)),
        pb.TransferItem(source=alice.wallet_id, recipient="bob", amount=pb.Money(minor_units=5, currency="EUR")),
        pb.TransferItem(source=bob.wallet_id, recipient="alice", amount=usd(5)),
        pb.TransferItem(source="mine", recipient="bob"),
    ]
    results = alice.calls.call("SubmitTransfers", pb.SubmitTransfersRequest(transfers=items)).results

    assert [result.error.code for result in results] == ["", "currency_mismatch", "not_found", "malformed"]
    assert results[0].transaction.status == pb.TRANSACTION_STATUS_PENDING
    assert {violation.field for violation in results[3].error.field_violations} == {"source", "amount"}


@pytest.mark.parametrize("count", [0, 1_001])
def test_an_empty_or_too_long_list_is_refused(alice: Person, count: int) -> None:
    refusal = alice.calls.refused("SubmitTransfers", pb.SubmitTransfersRequest(transfers=[pb.TransferItem()] * count))

    assert (refusal.code, list(refusal.fields)) == ("malformed", ["transfers"])


def test_an_invalid_token_is_refused(alice: Person, channel: grpc.Channel) -> None:
    request = pb.ListWalletsRequest()

    assert Caller(channel).refused("ListWallets", request).status == grpc.StatusCode.UNAUTHENTICATED
    for header in ("Bearer", "Bearer made-up", f"Bearer {alice.token} twice", f"Basic {alice.token}", ""):
        refusal = Caller(channel).refused("ListWallets", request, authorization=header)

        assert (refusal.status, refusal.code) == (grpc.StatusCode.UNAUTHENTICATED, "not_authenticated"), header
    assert Caller(channel).call("ListWallets", request, authorization=f"bearer {alice.token}").wallets


def test_a_deactivated_user_is_refused(alice: Person) -> None:
    User.objects.filter(pk=alice.user.pk).update(is_active=False)

    assert alice.calls.refused("ListWallets", pb.ListWalletsRequest()).code == "not_authenticated"
