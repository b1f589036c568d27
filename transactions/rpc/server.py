"""The gRPC server: an event loop receives and sends; Django answers in threads.

So an open call of WatchWallet costs no thread, and the number of threads bounds the number of database connections.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from django.conf import settings
from django.db import connection
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from kit.db.health import database_is_read_only
from kit.hosts import is_loopback
from transactions.rpc import internal
from transactions.rpc.admission import Admission
from transactions.rpc.anonymous import AnonymousStreams, Health, Reflection
from transactions.rpc.methods import METHODS, Method
from wallet_proto.v1 import wallet_pb2 as pb

logger = logging.getLogger(__name__)

_PUBLIC = pb.DESCRIPTOR.services_by_name["WalletService"].full_name
_HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
#: The unary methods of each service, by the service's full name. The public service also has WatchWallet.
SERVICES: Mapping[str, Mapping[str, Method[Any]]] = {_PUBLIC: METHODS, internal.SERVICE: internal.METHODS}
#: The same as the limit of a REST body.
MESSAGE_BYTES_MAX = 1_048_576
_READY_CHECK_S = 3.0
#: How long streams that are still open after the last call, above all those of the health service, have to end.
_STOP_GRACE_S = 0.5
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class BindError(RuntimeError):
    """The server cannot listen on this address."""


async def serve(*, bind: str, stop: asyncio.Event) -> None:
    """Serves until `stop` is set. Then refuses new calls, finishes those in progress and returns."""
    server = grpc.aio.server(options=_options(), maximum_concurrent_rpcs=None)
    streams = AnonymousStreams()
    health = Health(streams)
    with contextlib.ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(settings.GRPC_THREADS, thread_name_prefix="grpc"))
        # Separate threads, so that watching and the readiness check do not wait for calls, nor calls for them.
        watching = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="grpc-watch"))
        checking = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="grpc-ready"))
        admission = Admission(threads=threads, watching=watching)
        server.add_generic_rpc_handlers([admission.handlers(name, methods) for name, methods in SERVICES.items()])
        health_pb2_grpc.add_HealthServicer_to_server(health, server)
        reflected = Reflection(streams, _PUBLIC, _HEALTH, reflection.SERVICE_NAME)
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(reflected, server)  # type: ignore[no-untyped-call]
        port = _listen(server, bind)
        await server.start()
        logger.info("gRPC is served on %s:%s.", bind.rpartition(":")[0], port)
        tasks = [asyncio.create_task(admission.watchers.run()), asyncio.create_task(_health_keep(health, checking))]
        await stop.wait()
        await _drain(server, health, admission)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _drain(server: grpc.aio.Server, health: Health, admission: Admission) -> None:
    """Refuses new calls, ends the calls of WatchWallet, and lets the others finish within GRPC_DRAIN_S.

    Meanwhile `admission` answers new calls with UNAVAILABLE, which clients retry. `server.stop` would answer them with
    CANCELLED, which clients do not retry; so it is called only when the calls are done.
    """
    logger.info("Finishing %s calls and refusing new ones.", admission.call_count)
    await health.enter_graceful_shutdown()
    admission.close()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(admission.wait_until_idle(), settings.GRPC_DRAIN_S)
    await server.stop(_STOP_GRACE_S)
    logger.info("Stopped.")


async def _health_keep(health: Health, checking: ThreadPoolExecutor) -> None:
    """Sets the health status to NOT_SERVING while Postgres is away or read-only, as /readyz does."""
    loop = asyncio.get_running_loop()
    while True:
        is_ready = await loop.run_in_executor(checking, _postgres_takes_writes)
        for name in ("", *SERVICES):
            await health.set(name, _SERVING if is_ready else _NOT_SERVING)
        await asyncio.sleep(_READY_CHECK_S)


def _postgres_takes_writes() -> bool:
    # A new connection each time: the check is whether Postgres accepts connections.
    try:
        if not database_is_read_only():
            return True
        logger.warning("Postgres is read-only.")
    except Exception:
        logger.warning("Postgres is not available.", exc_info=True)
    finally:
        connection.close()
    return False


def _listen(server: grpc.aio.Server, bind: str) -> int:
    if settings.WALLET_SERVICE_KEY and not settings.GRPC_TLS_CERT and not is_loopback(bind.rpartition(":")[0]):
        raise BindError(
            f"{bind} can be reached from other hosts, and WALLET_SERVICE_KEY lets web processes move money through it: "
            "set GRPC_TLS_CERT and GRPC_TLS_KEY, or listen on 127.0.0.1."
        )
    try:
        if not settings.GRPC_TLS_CERT:
            return server.add_insecure_port(bind)
        pair = (Path(settings.GRPC_TLS_KEY).read_bytes(), Path(settings.GRPC_TLS_CERT).read_bytes())
        return server.add_secure_port(bind, grpc.ssl_server_credentials([pair]))
    except (RuntimeError, OSError) as error:
        raise BindError(f"{bind} cannot be served on: {error}") from error


def _options() -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
        # With SO_REUSEPORT, a second server on the same port would take some of the calls, unnoticed.
        ("grpc.so_reuseport", 0),
        # A client that watches may be silent for hours. A ping every minute finds out whether it is still there.
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.http2.min_ping_interval_without_data_ms", 30_000),
        ("grpc.keepalive_permit_without_calls", 1),
        # What one connection may have open. Together they may not have more either.
        ("grpc.max_concurrent_streams", settings.GRPC_WATCHERS_MAX + settings.GRPC_CALLS_MAX),
        # A connection without calls costs memory. A client whose connection was closed opens another one unnoticed.
        ("grpc.max_connection_idle_ms", 600_000),
    ]
