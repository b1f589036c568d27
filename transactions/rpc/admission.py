"""Admission of calls: the event loop refuses a call at once or hands it to a thread."""

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import Executor, Future
from typing import Any

import grpc
from django.conf import settings

from telemetry import metrics
from transactions.rpc import internal
from transactions.rpc.arrivals import Arrival
from transactions.rpc.errors import STATUS, error_status
from transactions.rpc.handling import Answer, call_answer, call_refused, check_answer
from transactions.rpc.methods import Call, Method, wallet_prefetch, wallet_read
from transactions.rpc.peers import peer_network
from transactions.rpc.watching import Watcher, Watchers
from wallet_proto.v1 import wallet_pb2 as pb
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.mandates import Scope
from wallets.limits import READ

Context = grpc.aio.ServicerContext[bytes, bytes]
WATCH = "WatchWallet"
DETAILS_KEY = "grpc-status-details-bin"
REQUEST_ID_KEY = "x-request-id"
#: Metadata that we read and that may occur once. If it is repeated, each reader might take another one.
ONCE = {"authorization", REQUEST_ID_KEY, "traceparent"}
_CODES = {code.value[0]: code for code in grpc.StatusCode}


def _watch_begin(call: Call, request: pb.WatchWalletRequest) -> pb.WatchWalletResponse:
    if call.caller.is_service:
        # An assertion is valid for seconds, and a watch would outlive it.
        raise WalletError(ErrorCode.PERMISSION_DENIED, "Web processes may not call this method.")
    return pb.WatchWalletResponse(wallet=wallet_read(call, request.wallet_id))


_WATCH = Method(
    request=pb.WatchWalletRequest, run=_watch_begin, cost=READ, scope=Scope.READ, is_read=True, prefetch=wallet_prefetch
)


class Admission:
    """Admits calls up to the limits of the settings, runs them in threads and counts them. Not thread-safe: only the
    event loop uses it.

    `threads` run the methods; the one thread of `watching` reads the watched wallets.
    """

    def __init__(self, *, threads: Executor, watching: Executor) -> None:
        self.watchers = Watchers(watching)
        self.call_count = 0
        self._watch_count = 0
        self._threads = threads
        self._is_closed = False
        self._idle = asyncio.Event()
        self._idle.set()

    def handlers(self, service: str, methods: Mapping[str, Method[Any]]) -> grpc.GenericRpcHandler:
        """The gRPC handlers of a service's methods. WalletService's include WatchWallet, and the internal service's
        CheckAssertion."""
        handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            name: grpc.unary_unary_rpc_method_handler(self._unary(f"{service}/{name}", method))
            for name, method in methods.items()
        }
        if service == pb.DESCRIPTOR.services_by_name["WalletService"].full_name:
            handlers[WATCH] = grpc.unary_stream_rpc_method_handler(self._watch)
        if service == internal.SERVICE:
            handlers[internal.CHECK] = grpc.unary_unary_rpc_method_handler(self._check)
        return grpc.method_handlers_generic_handler(service, handlers)

    def close(self) -> None:
        """Refuses all further calls with UNAVAILABLE, and ends the calls of WatchWallet."""
        self._is_closed = True
        self.watchers.close()

    async def wait_until_idle(self) -> None:
        """Returns when no call is in progress."""
        await self._idle.wait()

    def _unary(self, name: str, method: Method[Any]) -> Any:
        async def answer(body: bytes, context: Context) -> bytes:
            arrival = _arrival(name, body, context)
            return await self._send(await self._answer(method, arrival), context)

        return answer

    async def _check(self, body: bytes, context: Context) -> bytes:
        return await self._send(check_answer(_arrival(f"{internal.SERVICE}/{internal.CHECK}", body, context)), context)

    async def _answer(self, method: Method[Any], arrival: Arrival) -> Answer:
        if arrival.repeated:
            message = "Send this metadata only once."
            error = WalletError(
                ErrorCode.MALFORMED, f"{arrival.repeated}: {message}", fields={arrival.repeated: [message]}
            )
            return call_refused(arrival, error, code=STATUS[error.code])
        if self._is_closed:
            error = WalletError(ErrorCode.UNAVAILABLE, "The server is shutting down. Retry the call.", retry_after_s=1)
            return call_refused(arrival, error, code=STATUS[error.code])
        if self.call_count >= settings.GRPC_CALLS_MAX:
            error = WalletError(ErrorCode.UNAVAILABLE, "Too many calls are in progress.", retry_after_s=1)
            return call_refused(arrival, error, code=grpc.StatusCode.RESOURCE_EXHAUSTED)
        future = self._threads.submit(call_answer, method, arrival)
        self._begin(future)
        return await asyncio.wrap_future(future)

    def _begin(self, future: Future[Answer]) -> None:
        """Counts the call until its thread has finished. A client that hangs up does not free its place earlier."""
        loop = asyncio.get_running_loop()
        self.call_count += 1
        self._idle.clear()
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._finish))

    def _finish(self) -> None:
        self.call_count -= 1
        self._idle_update()

    async def _send(self, answer: Answer, context: Context) -> bytes:
        """Returns the body, or aborts the call with the refusal; abort() raises."""
        trailing = ((REQUEST_ID_KEY, answer.request_id),)
        if answer.status is None:
            context.set_trailing_metadata(trailing)
            return answer.body
        details = ((DETAILS_KEY, answer.status.SerializeToString()),) if answer.status.details else ()
        await context.abort(_CODES[answer.status.code], answer.status.message, (*trailing, *details))
        raise AssertionError("abort() returned.")

    async def _watch(self, body: bytes, context: Context) -> None:
        arrival = _arrival(f"{pb.DESCRIPTOR.package}.WalletService/{WATCH}", body, context)
        if self._watch_count >= settings.GRPC_WATCHERS_MAX:
            error = WalletError(ErrorCode.UNAVAILABLE, "Too many calls of WatchWallet are open.", retry_after_s=1)
            await self._send(call_refused(arrival, error, code=grpc.StatusCode.RESOURCE_EXHAUSTED), context)
        self._watch_count += 1
        self._idle.clear()
        metrics.rpc_watchers.inc()
        try:
            answer = await self._answer(_WATCH, arrival)
            first = await self._send(answer, context)
            await self._watch_admitted(answer, first, context)
        finally:
            self._watch_count -= 1
            metrics.rpc_watchers.dec()
            self._idle_update()

    async def _watch_admitted(self, answer: Answer, first: bytes, context: Context) -> None:
        assert answer.caller is not None  # noqa: S101 - a call with an answer has a caller
        user_id = answer.caller.user.pk
        if self.watchers.count_of(user_id) >= settings.GRPC_WATCHERS_PER_USER_MAX:
            # No retry delay: the client must close a call first.
            error = WalletError(ErrorCode.RATE_LIMITED, "You have too many open calls of WatchWallet. Close one.")
            await self._send(Answer(request_id=answer.request_id, status=error_status(error)), context)
        wallet = pb.WatchWalletResponse.FromString(first).wallet
        watcher = self.watchers.join(wallet=wallet, user_id=user_id, token_digest=answer.caller.token_digest)
        try:
            await context.write(first)
            await self._relay(watcher, answer, context)
        finally:
            self.watchers.leave(watcher)

    async def _relay(self, watcher: Watcher, answer: Answer, context: Context) -> None:
        while watcher.ended is None:
            await watcher.news.wait()
            watcher.news.clear()
            if watcher.ended is None:
                await context.write(pb.WatchWalletResponse(wallet=watcher.newest).SerializeToString())
        await self._send(Answer(request_id=answer.request_id, status=error_status(watcher.ended)), context)

    def _idle_update(self) -> None:
        if not self.call_count and not self._watch_count:
            self._idle.set()


def _arrival(name: str, body: bytes, context: Context) -> Arrival:
    metadata: dict[str, str] = {}
    repeated = ""
    for key, value in context.invocation_metadata() or ():
        if key in metadata and key in ONCE:
            repeated = key
        metadata[key] = value if isinstance(value, str) else ""
    remaining_s = context.time_remaining()
    return Arrival(
        method=name,
        body=body,
        authorization=metadata.get("authorization", ""),
        request_id="" if repeated else metadata.get(REQUEST_ID_KEY, ""),
        network=peer_network(context),
        deadline_s=None if remaining_s is None else time.monotonic() + remaining_s,
        repeated=repeated,
    )
