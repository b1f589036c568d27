"""Middleware that gives every request an id, which its caller and our logs share, measures it, and logs one line."""

import re
import time
import uuid
from collections.abc import Callable
from contextlib import suppress

import structlog
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django_structlog.middlewares import RequestMiddleware

from telemetry import metrics

Handler = Callable[[HttpRequest], HttpResponseBase]

#: Visible ASCII of limited length, because a stranger's id goes into our logs and into a response header.
_REQUEST_ID = re.compile(r"[!-~]{1,128}")
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class TelemetryMiddleware:
    """Takes the X-Request-ID or makes one, returns it, adds it to the request's log lines, and measures the request."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started_s = time.perf_counter()
        request_id = request_id_of(request)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
        response["X-Request-ID"] = request_id
        metrics.http_request_duration_seconds.labels(
            # Clients may send any text as the method, and each text would be a series of its own.
            method=request.method if request.method in _METHODS else "other",
            route=route_of(request) or "none",
            status=response.status_code,
        ).observe(time.perf_counter() - started_s)
        return response


class RequestLogMiddleware(RequestMiddleware):
    """django-structlog's line for each request, but with the route instead of the path.

    A path can contain a secret (the link that resets a password) or a name (a search).
    """

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {route_of(request) or 'unknown route'}"

    @staticmethod
    def bind_user_id(request: HttpRequest) -> None:
        # The session's user is in Postgres. If Postgres is away, log without the user instead of failing.
        with suppress(DatabaseError, InterfaceError):
            RequestMiddleware.bind_user_id(request)


def request_id_of(request: HttpRequest) -> str:
    """The caller's id if it is acceptable, else a new one, which also replaces the request's header for later
    readers."""
    request_id: str = request.META.get("HTTP_X_REQUEST_ID", "")
    if not _REQUEST_ID.fullmatch(request_id):
        request_id = request.META["HTTP_X_REQUEST_ID"] = str(uuid.uuid4())
    return request_id


def route_of(request: HttpRequest) -> str:
    """The template of the request's route, such as /transactions/<id>/; empty if no route matched."""
    return f"/{request.resolver_match.route}" if request.resolver_match else ""
