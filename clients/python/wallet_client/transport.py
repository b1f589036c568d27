"""Calls over one channel. A call is retried if that can help, within one deadline for all attempts."""

import random
import time
from collections.abc import Generator
from typing import TypeVar
from uuid import uuid4

import grpc
from google.protobuf.message import Message

from wallet_client.errors import WalletError, error_of_call

A = TypeVar("A", bound=Message)

_SERVICE = "wallet.v1.WalletService"
_PAUSE_FIRST_S = 0.1
_PAUSE_MAX_S = 2.0
#: More doublings do not make the pause longer, and a thousand would overflow a float.
_DOUBLINGS_MAX = 5
#: By default, gRPC's pause between attempts to connect grows to two minutes: too long after a server's restart.
_CHANNEL_OPTIONS = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # A watch may get no message for hours, so the client pings the server every minute.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # `Transport.call` retries itself.
    ("grpc.enable_retries", 0),
]


class Transport:
    """Sends requests with the token. Returns the answers, or raises WalletError."""

    def __init__(self, target: str, token: str, *, tls: bool | bytes) -> None:
        # A token that was read from a file may end with a line break, which gRPC metadata must not contain.
        self._authorization = f"Bearer {token.strip()}"
        self.is_closed = False
        if tls is False:
            # Plain text is for this machine, which no proxy can reach and whose token none must see.
            options = [*_CHANNEL_OPTIONS, ("grpc.enable_http_proxy", 0)]
            self._channel = grpc.insecure_channel(target, options=options)
            return
        # A proxy of https_proxy or grpc_proxy is used, unless no_proxy names the target. It sees only TLS.
        credentials = grpc.ssl_channel_credentials(tls if isinstance(tls, bytes) else None)
        self._channel = grpc.secure_channel(target, credentials, options=_CHANNEL_OPTIONS)

    def close(self) -> None:
        self.is_closed = True
        self._channel.close()

    def call(self, method: str, request: Message, answer: type[A], *, timeout_s: float) -> A:
        """The method's answer. It may send the request again, so the request must only read, or have a key."""
        stub = self._channel.unary_unary(
            f"/{_SERVICE}/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=answer.FromString,
        )
        deadline_s = time.monotonic() + timeout_s
        metadata = self._metadata_make()
        attempt = 0
        while True:
            try:
                return stub(request, timeout=deadline_s - time.monotonic(), metadata=metadata)
            except grpc.RpcError as error:
                refusal = error_of_call(error)
                attempt += 1
                pause_s = pause(attempt, refusal)
                is_late = time.monotonic() + pause_s >= deadline_s
                if self.is_closed or is_late or not refusal.is_worth_repeating:
                    raise refusal from error
            time.sleep(pause_s)

    def stream(self, method: str, request: Message, answer: type[A]) -> Generator[A, None, None]:
        """Yields the method's answers until the server ends the call. Closing the iterator ends the call as well."""
        stub = self._channel.unary_stream(
            f"/{_SERVICE}/{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=answer.FromString,
        )
        call = stub(request, metadata=self._metadata_make())
        try:
            yield from call
        except grpc.RpcError as error:
            raise error_of_call(error) from error
        finally:
            call.cancel()

    def _metadata_make(self) -> tuple[tuple[str, str], ...]:
        """The token, and a request id that all attempts of a call share in the server's logs."""
        return (("authorization", self._authorization), ("x-request-id", str(uuid4())))


def pause(attempt: int, refusal: WalletError) -> float:
    """How many seconds to wait after this attempt (1, 2, …).

    The pause doubles with each attempt, up to a limit. It is random, so that many clients do not return at once, and
    never shorter than the server asks.
    """
    longest_s = min(_PAUSE_MAX_S, _PAUSE_FIRST_S * 2 ** min(attempt - 1, _DOUBLINGS_MAX))
    return (refusal.retry_after_s or 0.0) + random.uniform(longest_s / 2, longest_s)  # noqa: S311 - not a secret
