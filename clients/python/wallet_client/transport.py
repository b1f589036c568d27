"""Calls over one channel, repeated where that is safe and helps, within one deadline for all attempts."""

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
#: No longer pause comes of more; and after a thousand failures the power would be no float any more.
_DOUBLINGS_MAX = 5
#: gRPC's own pause between attempts to connect: it grows to two minutes, and then a server that is back would be away.
_CHANNEL_OPTIONS = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # A watch may hear nothing for hours: whether the server is still there is asked every minute.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # We repeat by ourselves, and know what is safe to.
    ("grpc.enable_retries", 0),
]


class Transport:
    """Sends requests with the token, and gets answers or WalletErrors."""

    def __init__(self, target: str, token: str, *, tls: bool | bytes) -> None:
        # What was read from a file ends with a line break, which no metadata may hold.
        self._authorization = f"Bearer {token.strip()}"
        self.is_closed = False
        if tls is False:
            self._channel = grpc.insecure_channel(target, options=_CHANNEL_OPTIONS)
            return
        credentials = grpc.ssl_channel_credentials(tls if isinstance(tls, bytes) else None)
        self._channel = grpc.secure_channel(target, credentials, options=_CHANNEL_OPTIONS)

    def close(self) -> None:
        self.is_closed = True
        self._channel.close()

    def call(self, method: str, request: Message, answer: type[A], *, timeout_s: float) -> A:
        """The method's answer. Every request that is sent here may be sent again: it reads, or it has its key."""
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
        """The method's answers, until the server ends them with an error. Closing the iterator ends the call."""
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
        """With an id under which all attempts of a call are found in the server's logs."""
        return (("authorization", self._authorization), ("x-request-id", str(uuid4())))


def pause(attempt: int, refusal: WalletError) -> float:
    """How long to wait after so many attempts: longer each time, by chance, so that a crowd does not come back at once;
    never shorter than the server asks."""
    longest_s = min(_PAUSE_MAX_S, _PAUSE_FIRST_S * 2 ** min(attempt - 1, _DOUBLINGS_MAX))
    return (refusal.retry_after_s or 0.0) + random.uniform(longest_s / 2, longest_s)  # noqa: S311 - nobody guesses at it
