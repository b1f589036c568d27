"""Streams that a client may open without a token: the health service's Watch, and reflection.

Each costs memory for as long as the client likes, so there is a limit to their number, in total and per address.
"""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import grpc
from django.conf import settings
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha._async import ReflectionServicer

from transactions.rpc.peers import peer_network

Context = grpc.aio.ServicerContext[Any, Any]


class AnonymousStreams:
    """Counts them. Not thread-safe: only the event loop uses it."""

    def __init__(self) -> None:
        self._count_by_network: Counter[str] = Counter()

    @contextlib.asynccontextmanager
    async def admitted(self, context: Context) -> AsyncIterator[None]:
        """For as long as the stream is open. Ends the call with RESOURCE_EXHAUSTED if there are too many."""
        network = peer_network(context)
        if (
            self._count_by_network.total() >= settings.GRPC_ANONYMOUS_STREAMS_MAX
            or self._count_by_network[network] >= settings.GRPC_ANONYMOUS_STREAMS_PER_ADDRESS_MAX
        ):
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Too many streams without a token are open.")
        self._count_by_network[network] += 1
        try:
            yield
        finally:
            self._count_by_network[network] -= 1
            if not self._count_by_network[network]:
                del self._count_by_network[network]


class Health(health_aio.HealthServicer):
    """The health service, with a limit on Watch. Check is a short call."""

    def __init__(self, streams: AnonymousStreams) -> None:
        super().__init__()
        self._streams = streams

    async def Watch(self, request: Any, context: Context) -> None:  # noqa: N802 - gRPC's name
        async with self._streams.admitted(context):
            await super().Watch(request, context)


class Reflection(ReflectionServicer):
    """Reflection, with a limit."""

    def __init__(self, streams: AnonymousStreams, *names: str) -> None:
        super().__init__(names)
        self._streams = streams

    async def ServerReflectionInfo(  # type: ignore[override]  # noqa: N802 - stubs and name of the library
        self, request_iterator: Any, context: Context
    ) -> AsyncIterator[Any]:
        answers: Any = super().ServerReflectionInfo(request_iterator, context)
        async with self._streams.admitted(context):
            async for answer in answers:
                yield answer
