"""The protobuf contract and the code generated from it."""

from pathlib import Path

import pytest
from django.conf import settings

from devtools.proto import proto_generate
from wallet_proto.v1 import wallet_pb2 as pb

ROOT = Path(settings.BASE_DIR)


def test_the_generated_code_is_up_to_date(tmp_path: Path) -> None:
    """If this fails, run `make proto`."""
    made = proto_generate(tmp_path)

    package = ROOT / "wallet_proto"
    assert made == sorted(path.relative_to(package) for path in package.rglob("*_pb2*.py*") if _is_source(path))
    for path in made:
        assert (tmp_path / path).read_text() == (package / path).read_text(), path


def test_every_request_has_a_request_id() -> None:
    requests = {method.input_type for method in pb.DESCRIPTOR.services_by_name["WalletService"].methods}

    assert [request.name for request in requests if "request_id" not in request.fields_by_name] == []


@pytest.mark.parametrize("name", ["DepositRequest", "WithdrawRequest", "TransferRequest", "SubmitTransferRequest",
    "TransferItem"])  # fmt: skip
def test_every_request_that_moves_money_has_an_optional_idempotency_key(name: str) -> None:
    field = pb.DESCRIPTOR.message_types_by_name[name].fields_by_name["idempotency_key"]

    assert field.has_presence


def test_no_amount_is_a_float() -> None:
    fields = [field for message in pb.DESCRIPTOR.message_types_by_name.values() for field in message.fields]

    assert not [field.full_name for field in fields if field.cpp_type in {field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE}]


def _is_source(path: Path) -> bool:
    return path.suffix in {".py", ".pyi"}
