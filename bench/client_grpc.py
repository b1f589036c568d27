"""gRPC's part of the load: one channel, which is one connection, for each caller."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import grpc

#: The status of an answer that is right. (Over HTTP statuses are larger, so that the two cannot be mixed up.)
OK = 0
_TIMEOUT_S = 30.0


def grpc_request(*, token: str, message: bytes) -> bytes:
    """A request as the load keeps it: whose it is, and the serialised message."""
    return token.encode() + b"\n" + message


@contextmanager
def grpc_exchange(port: int, method: str) -> Iterator[Callable[[bytes], tuple[int, bytes]]]:
    """Sends one request and receives its answer, both as bytes."""
    # Channels of one process would otherwise share a connection.
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)

        def exchange(request: bytes) -> tuple[int, bytes]:
            token, _, message = request.partition(b"\n")
            try:
                answer = call(message, metadata=(("authorization", f"Bearer {token.decode()}"),), timeout=_TIMEOUT_S)
            except grpc.RpcError as error:
                return error.code().value[0], (error.details() or "").encode()
            return OK, answer

        yield exchange
