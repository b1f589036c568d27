"""The contract and what was made of it."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from wallet_proto.v1 import wallet_pb2 as pb

ROOT = Path(settings.BASE_DIR)
PROTOS = sorted(path.relative_to(ROOT / "proto") for path in (ROOT / "proto").rglob("*.proto"))


def test_the_code_is_what_protoc_makes_of_the_contract(tmp_path: Path) -> None:
    """Or somebody changed one of them and forgot `make proto`."""
    outputs = [f"--{kind}_out={tmp_path}" for kind in ("python", "pyi", "grpc_python")]
    command = [sys.executable, "-m", "grpc_tools.protoc", "--proto_path=.", *outputs, *map(str, PROTOS)]
    subprocess.run(command, cwd=ROOT / "proto", check=True)

    made = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.py*"))
    assert made == sorted(path.relative_to(ROOT) for path in (ROOT / "wallet").rglob("*_pb2*.py*") if _is_source(path))
    for path in made:
        assert (tmp_path / path).read_text() == (ROOT / path).read_text(), path


def test_every_request_can_be_named_in_the_logs() -> None:
    requests = {method.input_type for method in pb.DESCRIPTOR.services_by_name["WalletService"].methods}

    assert [request.name for request in requests if "request_id" not in request.fields_by_name] == []


@pytest.mark.parametrize("name", ["DepositRequest", "WithdrawRequest", "TransferRequest", "SubmitTransferRequest",
    "TransferItem"])  # fmt: skip
def test_whatever_moves_money_has_room_for_a_key(name: str) -> None:
    field = pb.DESCRIPTOR.message_types_by_name[name].fields_by_name["idempotency_key"]

    assert field.has_presence


def test_no_amount_is_a_float() -> None:
    fields = [field for message in pb.DESCRIPTOR.message_types_by_name.values() for field in message.fields]

    assert not [field.full_name for field in fields if field.cpp_type in {field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE}]


def _is_source(path: Path) -> bool:
    return path.suffix in {".py", ".pyi"}
