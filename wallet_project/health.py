"""Probes: /livez (this process answers) and /readyz (it can serve), on the site's port without details and on the
internal port with details, and /metrics on the internal port.

They are answered before any other middleware, because a probe comes over plain HTTP and addresses the process by its
IP address, which is not one of ALLOWED_HOSTS.
"""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.db import ProgrammingError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.http.response import HttpResponseBase
from django_redis import get_redis_connection
from redis.exceptions import BusyLoadingError, OutOfMemoryError, ReadOnlyError

from kit.db.health import database_is_read_only
from telemetry import internal
from telemetry.internal import Probe, Reading, reading_json
from transactions.events.outbox import backlog_measure

logger = logging.getLogger(__name__)
#: How long a probe waits for a check.
CHECK_TIMEOUT_S = 3.0
_NO_STORE = {"Cache-Control": "no-store"}

# One thread per component. A component that hangs then blocks only its own check; later checks queue behind it and
# fail.
_postgres_checks = ThreadPoolExecutor(max_workers=1, thread_name_prefix="check-postgres")
_redis_checks = ThreadPoolExecutor(max_workers=1, thread_name_prefix="check-redis")
_service_checks = ThreadPoolExecutor(max_workers=1, thread_name_prefix="check-service")


class ProbeMiddleware:
    """Answers the probes. It must be the first middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.probes = {"/livez": live, "/readyz": ready}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        probe = self.probes.get(request.path_info)
        if probe is None:
            return self.get_response(request)
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        return probe()


def live() -> HttpResponse:
    """Depends on nothing. If it failed because Postgres is down, restarting the process would not help."""
    return JsonResponse({"status": "alive"}, headers=_NO_STORE)


def ready() -> HttpResponse:
    """503 while money could not move. For load balancers, so it does not say which part is missing."""
    readiness = readiness_check()
    return JsonResponse({"status": readiness.status}, status=readiness.http_status, headers=_NO_STORE)


@dataclass(frozen=True, slots=True)
class Readiness:
    """The state of each part. Redis is reported but does not count, because the site works without it."""

    parts: Mapping[str, str]

    @property
    def is_ready(self) -> bool:
        return all(state == "ok" for part, state in self.parts.items() if part != "redis")

    @property
    def status(self) -> str:
        return "ready" if self.is_ready else "unavailable"

    @property
    def http_status(self) -> int:
        return 200 if self.is_ready else 503


def readiness_check() -> Readiness:
    postgres = _postgres_checks.submit(_postgres_check)
    redis = _redis_checks.submit(_redis_check)
    service = _service_checks.submit(_service_check) if settings.WALLET_SERVICE else None
    parts = {"postgres": _outcome(postgres, part="Postgres"), "redis": _outcome(redis, part="Redis")}
    if service is not None:
        parts["wallet_service"] = _outcome(service, part="The wallet service")
    return Readiness(parts)


def ready_in_detail() -> Reading:
    readiness = readiness_check()
    return reading_json({"status": readiness.status, "parts": readiness.parts}, status=readiness.http_status)


def measured() -> Reading:
    """All metrics for Prometheus. The outbox is measured now, because the relay that empties it may be down."""
    _outcome(_postgres_checks.submit(_outbox_measure), part="Postgres")
    return internal.measured()


#: What the site's internal port answers.
INTERNAL_PROBES: Mapping[str, Probe] = {**internal.PROBES, "/readyz": ready_in_detail, "/metrics": measured}


def _outcome(check: Future[str], *, part: str) -> str:
    """The check's answer, or "unavailable" if it failed. The reason of a failure goes only to the log."""
    try:
        return check.result(CHECK_TIMEOUT_S)
    except FutureTimeoutError:
        check.cancel()
        logger.warning("%s did not answer within %s s.", part, CHECK_TIMEOUT_S)
    except Exception:
        logger.warning("%s is not available.", part, exc_info=True)
    return "unavailable"


def _postgres_check() -> str:
    # On a new connection, to test that one can be made.
    try:
        if _migrations_known() - MigrationRecorder(connection).applied_migrations().keys():
            return "migrations missing"
        return "read-only" if database_is_read_only() else "ok"
    finally:
        connection.close()


def _outbox_measure() -> str:
    try:
        backlog_measure()
    except ProgrammingError:
        # Some processes may not read the books, or do not have them in their database.
        logger.debug("The outbox cannot be read.", exc_info=True)
    finally:
        connection.close()
    return "ok"


def _redis_check() -> str:
    # A write: a replica, or a Redis without memory left, still answers everything else.
    try:
        get_redis_connection("default").set("wallet:probe", 1, ex=10)
    except ReadOnlyError:
        return "read-only"
    except OutOfMemoryError:
        return "out of memory"
    except BusyLoadingError:
        return "loading"
    return "ok"


def _service_check() -> str:
    from transactions.gateway.channel import service_check  # noqa: PLC0415 - only remote mode needs gRPC

    return service_check(timeout_s=CHECK_TIMEOUT_S)


@cache
def _migrations_known() -> frozenset[tuple[str, str]]:
    """The newest migration of each app in this release."""
    return frozenset(MigrationLoader(None).graph.leaf_nodes())
