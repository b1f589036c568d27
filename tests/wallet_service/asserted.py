"""Calls of a web process to the service, byte by byte, so that a test can send what an attacker would."""

import grpc
from google.protobuf.message import Message

from tests.rpc.caller import Refusal, refusal_of
from tests.rpc.server import GrpcServer
from wallets.auth.wallet_service.assertions import SCHEME, assertion_make
from wallets.models import User

PUBLIC = "wallet.v1.WalletService"


def asserted(user: User, method: str, request: Message) -> str:
    """The header by which the web process makes this call for the user, once. It is signed with the test's key."""
    return f"{SCHEME} {assertion_make(user_id=user.pk, method=method, body=request.SerializeToString())}"


def call_send(server: GrpcServer, method: str, request: Message | bytes, *headers: str) -> bytes | Refusal:
    """Sends the call with these `authorization` headers. Returns the bytes of the answer, or the refusal."""
    body = request if isinstance(request, bytes) else request.SerializeToString()
    with server.channel() as channel:
        try:
            stub: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{method}")
            return stub(body, timeout=20, metadata=tuple(("authorization", header) for header in headers))
        except grpc.RpcError as error:
            return refusal_of(error)


def code_of(answer: bytes | Refusal) -> str:
    """The error code of a refusal; "" of an answer."""
    return answer.code if isinstance(answer, Refusal) else ""
