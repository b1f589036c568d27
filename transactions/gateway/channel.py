"""Calls to the wallet service. A process has one gRPC channel; each call has a deadline and is made for one user.

Reads, and writes with an idempotency key, are safe to repeat: if the transport fails, the call is tried again. Other
calls are tried once.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import grpc
import structlog
from django.conf import settings
from google.protobuf.message import Message
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from telemetry import metrics
from transactions.gateway.errors import ServiceFailedError, error_of, is_away
from wallet_proto.internal.v1 import internal_pb2 as internal
from wallets.auth.wallet_service.assertions import NOBODY, SCHEME, ClockSkewError, assertion_make
from wallets.domain.mandates import OWNER, Mandate

log = structlog.get_logger(__name__)
A = TypeVar("A", bound=Message)

WALLETS = "/wallet.v1.WalletService/"
INTERNAL = "/wallet.internal.v1.InternalWalletService/"

_TRIES = 3
_PAUSE_S = 0.1
#: A read takes milliseconds. If it takes longer than this, the page answers 503 instead of waiting.
_READ_TIMEOUT_S = 5.0
_OPTIONS = [
    # Reconnect to a restarted service at once. gRPC's defaults wait for up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # The answer to a bulk request of 1000 transfers. (A REST request has at most 1 MiB.)
    ("grpc.max_receive_message_length", 8 * 1024 * 1024),
    # Not through the proxy of http_proxy or grpc_proxy, which leads out of the network that the service is in.
    ("grpc.enable_http_proxy", 0),
]

_lock = threading.Lock()
_channels: dict[int, grpc.Channel] = {}


def wallet_channel() -> grpc.Channel:
    """The channel of this process, created on first use, because a channel does not survive a fork."""
    pid = os.getpid()
    # Without the lock, two threads could each create a channel, and one of them would never be closed.
    with _lock:
        if pid not in _channels:
            _channels.clear()
            _channels[pid] = _channel_make()
        return _channels[pid]


def read_call(path: str, request: Message, *, answer: type[A], user_id: int) -> A:
    """Makes a call that reads, on this user's behalf. Raises WalletError or ServiceFailedError."""
    return _call(path, request, answer=answer, user_id=user_id, timeout_s=_READ_TIMEOUT_S, is_repeatable=True)


def write_call(
    path: str,
    request: Message,
    *,
    answer: type[A],
    user_id: int,
    is_repeatable: bool,
    timeout_s: float | None = None,
    mandate: Mandate = OWNER,
) -> A:
    """Makes a call that writes, on this user's behalf and within the mandate. `is_repeatable`: making it twice has the
    effect of making it once. The timeout is settings.WALLET_SERVICE_TIMEOUT_MS by default. Raises WalletError or
    ServiceFailedError."""
    timeout_s = timeout_s or settings.WALLET_SERVICE_TIMEOUT_MS / 1_000
    return _call(
        path,
        request,
        answer=answer,
        user_id=user_id,
        timeout_s=timeout_s,
        is_repeatable=is_repeatable,
        mandate=mandate,
    )


def service_check(*, timeout_s: float) -> str:
    """Whether the service works and accepts this process's assertions: "ok", or a few words that say why not.

    Raises WalletError or grpc.RpcError if the service does not answer.
    """
    check = wallet_channel().unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=HealthCheckRequest.SerializeToString,
        response_deserializer=HealthCheckResponse.FromString,
    )
    answer = check(HealthCheckRequest(service=WALLETS.strip("/")), timeout=timeout_s)
    return _assertions_check(timeout_s) if answer.status == HealthCheckResponse.SERVING else "unavailable"


def _assertions_check(timeout_s: float) -> str:
    path, request = INTERNAL + "CheckAssertion", internal.CheckAssertionRequest()
    try:
        _call(
            path,
            request,
            answer=internal.CheckAssertionResponse,
            user_id=NOBODY,
            timeout_s=timeout_s,
            is_repeatable=False,
        )
    except ClockSkewError as error:
        return f"clocks differ by {abs(error.skew_ms) / 1_000:.0f} s"
    except ServiceFailedError as error:
        log.error("wallet_service_refuses_this_process", reason=str(error))
        return "refuses this process's WALLET_SERVICE_KEY"
    return "ok"


def _call(
    path: str,
    request: Message,
    *,
    answer: type[A],
    user_id: int,
    timeout_s: float,
    is_repeatable: bool,
    mandate: Mandate = OWNER,
) -> A:
    # Serialized once and sent as it is: the assertion names these bytes, and no second serialization must differ.
    body = request.SerializeToString()
    call: grpc.UnaryUnaryMultiCallable[bytes, A] = wallet_channel().unary_unary(
        path, response_deserializer=answer.FromString
    )
    deadline_s = time.monotonic() + timeout_s
    tries_left = _TRIES if is_repeatable else 1
    while True:
        tries_left -= 1
        try:
            with _measured(path):
                metadata = _metadata(user_id=user_id, path=path, body=body, mandate=mandate)
                return call(body, timeout=deadline_s - time.monotonic(), metadata=metadata)
        except grpc.RpcError as error:
            if not tries_left or not is_away(error) or deadline_s - time.monotonic() < _PAUSE_S:
                raise _call_error(error, path=path, is_repeatable=is_repeatable) from error
        time.sleep(_PAUSE_S)


def _call_error(error: grpc.RpcError, *, path: str, is_repeatable: bool) -> Exception:
    raised = error_of(error, path=path, is_repeatable=is_repeatable)
    if isinstance(raised, ClockSkewError):
        log.error("wallet_service_clock_differs", path=path, our_clock_is_ahead_s=raised.skew_ms / 1_000)
    elif is_away(error):
        log.warning("wallet_service_away", path=path, code=error.code().name, reason=error.details())
    return raised


@contextmanager
def _measured(path: str) -> Iterator[None]:
    began_s, code = time.monotonic(), grpc.StatusCode.OK
    try:
        yield
    except grpc.RpcError as error:
        code = error.code()
        raise
    finally:
        method = path.rpartition("/")[2]
        metrics.service_calls.labels(method=method, code=code.name).observe(time.monotonic() - began_s)


def _metadata(*, user_id: int, path: str, body: bytes, mandate: Mandate) -> tuple[tuple[str, str | bytes], ...]:
    """A new assertion for each try, because the service accepts one for one write."""
    method, ceilings_of = path.removeprefix("/"), mandate.ceilings_of
    assertion = assertion_make(user_id=user_id, method=method, body=body, ceilings_of=ceilings_of)
    authorization = ("authorization", f"{SCHEME} {assertion}")
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    return (authorization, ("x-request-id", str(request_id))) if request_id else (authorization,)


def _channel_make() -> grpc.Channel:
    service = urlsplit(settings.WALLET_SERVICE)
    if service.scheme == "grpc":
        return grpc.insecure_channel(service.netloc, options=_OPTIONS)
    authorities = Path(settings.WALLET_SERVICE_CA).read_bytes() if settings.WALLET_SERVICE_CA else None
    return grpc.secure_channel(service.netloc, grpc.ssl_channel_credentials(authorities), options=_OPTIONS)
