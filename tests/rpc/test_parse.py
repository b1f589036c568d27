"""Parsing requests: the defaults of missing fields, and malformed fields."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from transactions.rpc import parse
from transactions.rpc.parse import Movement
from wallet_proto.v1 import wallet_pb2 as pb
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.money import AMOUNT_MAX

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


def entries(**asked: object) -> pb.ListEntriesRequest:
    return pb.ListEntriesRequest(wallet_id="7", **asked)  # type: ignore[arg-type]  # the tests give the right types


@pytest.mark.parametrize(("asked", "limit"), [(0, 30), (1, 1), (100, 100)])
def test_the_limit_of_a_page_defaults_to_thirty(asked: int, limit: int) -> None:
    assert parse.history_of(entries(limit=asked))[1].limit == limit


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("limit", -1),
        ("limit", 101),
        ("limit", INT32_MIN),
        ("limit", INT32_MAX),
        ("kind", 99),
        ("direction", -1),
        ("since", Timestamp(seconds=INT64_MAX)),
        ("until", Timestamp(seconds=INT64_MIN)),
        ("until", Timestamp(nanos=INT32_MAX)),
        ("cursor", "5\0"),
    ],
)
def test_a_malformed_field_of_a_history_request_is_named(field: str, value: object) -> None:
    with pytest.raises(WalletError) as refused:
        parse.history_of(entries(**{field: value}))

    assert (refused.value.code, list(refused.value.fields)) == (ErrorCode.MALFORMED, [field])


@pytest.mark.parametrize("amount", [INT64_MIN, -1, 0, AMOUNT_MAX + 1, INT64_MAX])
@pytest.mark.parametrize("message", [pb.DepositRequest, pb.WithdrawRequest])
def test_an_amount_out_of_range_is_refused(message: type[Movement], amount: int) -> None:
    request = message(wallet_id="7", amount=pb.Money(minor_units=amount), memo="Grüße 💸")

    with pytest.raises(WalletError) as refused:
        parse.movement_of(request)
    assert list(refused.value.fields) == ["amount"]


def test_text_that_postgres_cannot_store_is_refused() -> None:
    request = pb.TransferRequest(source="7", recipient="bo\0b", amount=pb.Money(minor_units=5), memo="a\0b")

    with pytest.raises(WalletError) as refused:
        parse.transfer_of(request)
    assert list(refused.value.fields) == ["recipient", "memo"]
