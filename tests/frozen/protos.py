"""The gRPC contract, compiled from `proto/` at test time: the name of the generated package does not matter here."""

import subprocess
import sys
import tempfile
from pathlib import Path

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from tests.frozen.places import ROOT

SERVICE = "wallet.v1.WalletService"
_FILE = "wallet/v1/wallet.proto"


class Contract:
    """The messages of the service, in a pool of their own beside those that the project has loaded."""

    def __init__(self) -> None:
        self._pool = DescriptorPool()
        for file in compiled().file:
            self._pool.Add(file)

    @property
    def service(self) -> ServiceDescriptor:
        return self._pool.FindServiceByName(SERVICE)

    def request(self, method: str) -> type[Message]:
        return GetMessageClass(self.service.methods_by_name[method].input_type)

    def answer(self, method: str) -> type[Message]:
        return GetMessageClass(self.service.methods_by_name[method].output_type)


def compiled() -> FileDescriptorSet:
    """The contract's file and what it imports."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "contract.bin"
        subprocess.run(
            [sys.executable, "-m", "grpc_tools.protoc", "--proto_path=.", "--include_imports",
                f"--descriptor_set_out={target}", _FILE],
            cwd=ROOT / "proto",
            check=True,
        )  # fmt: skip
        return FileDescriptorSet.FromString(target.read_bytes())
