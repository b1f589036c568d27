"""Handles one call from request bytes to response bytes: parses, authenticates, takes the cost, answers, logs."""

import re
import time
import uuid
from dataclasses import dataclass
from typing import Any

import grpc
import structlog
from django.conf import settings
from django.db import close_old_connections
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status

from kit.cache.prefetch import prefetch_scope
from kit.limits.buckets import Verdict
from kit.limits.costs import address_key, cost_take, cost_take_apart, user_key
from kit.limits.policies import Cost
from telemetry import metrics
from transactions.rpc.arrivals import Arrival
from transactions.rpc.authentication import Caller, caller_find, is_asserted, process_check
from transactions.rpc.deadlines import DeadlineError, deadline_check, deadline_kept
from transactions.rpc.errors import STATUS, error_of, error_status
from transactions.rpc.methods import Call, Method
from wallets.auth.wallet_service.nonces import nonce_spend
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.mandates import scope_require
from wallets.limits import ANONYMOUS

logger = structlog.get_logger(__name__)

#: Up to 128 visible ASCII characters. The limit matters, because the client's id goes into our logs and metadata.
_REQUEST_ID = re.compile(r"[!-~]{1,128}")
_NO_ANSWER = "The deadline was exceeded."
#: How many times the quota of each policy a user has in calls of web processes. A REST request makes up to twice as
#: many calls as it cost units there, and forms are counted apart. So what the web process admits is not refused here.
_WEB_QUOTAS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to a call: a body, or the status of a refusal."""

    request_id: str
    body: bytes = b""
    status: Status | None = None
    caller: Caller | None = None


def call_answer(method: Method[Any], arrival: Arrival) -> Answer:
    """Answers a call; never raises for a failure of the method. Runs in a worker thread, and leaves no broken or
    expired database connection in it."""
    close_old_connections()
    try:
        request, problem = _decoded(method, arrival.body)
        # The site's own processes send their request id only in the metadata.
        request_id = request_id_of(getattr(request, "request_id", ""), arrival.request_id)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            return _answered(method, arrival, request, problem, request_id)
    finally:
        close_old_connections()


def call_refused(arrival: Arrival, error: WalletError, *, code: grpc.StatusCode) -> Answer:
    """The answer to a call that is refused before it reaches its method."""
    request_id = request_id_of("", arrival.request_id)
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        _record(arrival, code)
    return Answer(request_id=request_id, status=error_status(error, code=code))


def check_answer(arrival: Arrival) -> Answer:
    """Answers CheckAssertion. Needs neither Postgres nor Redis, and so no thread."""
    try:
        process_check(arrival)
    except WalletError as error:
        return call_refused(arrival, error, code=STATUS[error.code])
    return Answer(request_id=request_id_of("", arrival.request_id))


def request_id_of(*offered: str) -> str:
    """The first acceptable id, or a new one."""
    return next((id_ for id_ in offered if _REQUEST_ID.fullmatch(id_)), None) or str(uuid.uuid4())


def _decoded(method: Method[Any], body: bytes) -> tuple[Any, WalletError | None]:
    """The request; if the bytes are malformed, an empty request and the error. Parsed here and not by gRPC, which would
    report a client's mistake as an internal error."""
    try:
        return method.request.FromString(body), None
    except DecodeError:
        return method.request(), WalletError(ErrorCode.MALFORMED, "The message could not be parsed.")


def _answered(
    method: Method[Any], arrival: Arrival, request: Any, problem: WalletError | None, request_id: str
) -> Answer:
    caller, code = None, grpc.StatusCode.OK
    try:
        # Before any read: if the call waited too long for a thread, its client has gone.
        deadline_check(arrival.deadline_s)
        with deadline_kept(arrival.deadline_s), prefetch_scope():
            method.prefetch(request)
            caller = _caller(arrival)
            _admit(caller, method, request)
            scope_require(mandate=caller.mandate, scope=method.scope)
            if problem:
                raise problem
            body = method.run(Call(caller=caller), request).SerializeToString()
        return Answer(request_id=request_id, body=body, caller=caller)
    except DeadlineError:
        code = grpc.StatusCode.DEADLINE_EXCEEDED
        return Answer(request_id=request_id, status=Status(code=code.value[0], message=_NO_ANSWER))
    except Exception as exc:  # noqa: BLE001 - nothing above catches it; error_of logs what is unexpected
        error = error_of(exc)
        code = STATUS[error.code]
        return Answer(request_id=request_id, status=error_status(error))
    finally:
        _record(arrival, code, caller)


def _caller(arrival: Arrival) -> Caller:
    """The caller. Raises NOT_AUTHENTICATED, or RATE_LIMITED after too many failures from the client's network."""
    try:
        return caller_find(arrival)
    except WalletError:
        # A failure takes from the network's bucket, so that nobody can try tokens endlessly. Assertions cannot be
        # guessed, and refusing one costs less than counting it; a web process whose clock is wrong shall hear that.
        if not is_asserted(arrival):
            _cost_take(ANONYMOUS, key=address_key(arrival.network))
        raise


def _admit(caller: Caller, method: Method[Any], request: Any) -> None:
    """Takes the call's cost from the user's limits, and lets an assertion authorise one write. Raises RATE_LIMITED and
    PERMISSION_DENIED."""
    key, items = user_key(caller.user.pk), method.items(request)
    if caller.nonce is None:
        _cost_take(method.cost, key=key, items=items)
        return
    # First, so that an assertion whose call was refused is used up as well.
    if not method.is_read and not nonce_spend(nonce=caller.nonce):
        logger.error("assertion_replayed", user_id=caller.user.pk)
        raise WalletError(ErrorCode.PERMISSION_DENIED, "This assertion was used before.")
    if settings.THROTTLE_ENABLED:
        _verdict_check(cost_take_apart(method.cost, key=key, items=items, quotas=_WEB_QUOTAS))


def _cost_take(cost: Cost, *, key: str, items: int = 1) -> None:
    if settings.THROTTLE_ENABLED:
        _verdict_check(cost_take(cost, key=key, items=items))


def _verdict_check(verdict: Verdict) -> None:
    if verdict.is_refused:
        raise WalletError(
            ErrorCode.RATE_LIMITED, f"Too many requests. Try again in {verdict.wait_s} s.", retry_after_s=verdict.wait_s
        )


def _record(arrival: Arrival, code: grpc.StatusCode, caller: Caller | None = None) -> None:
    duration_s = time.monotonic() - arrival.at_s
    metrics.rpc_duration_seconds.labels(method=arrival.method, code=code.name).observe(duration_s)
    logger.info(
        "call_finished",
        method=arrival.method,
        code=code.name,
        duration_ms=round(duration_s * 1_000),
        user_id=caller.user.pk if caller else None,
    )
