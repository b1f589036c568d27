"""Limits on submitting forms. django-ratelimit counts every form of every page.

`settings.FORM_LIMITS` lists the tables, each of which maps view names to limits. FORM_DEFAULT applies to every other
form. The counters are in Redis. While Redis is down each process counts in its own, smaller buckets, so the limits
still hold and people can still sign in.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.utils.module_loading import import_string
from django_ratelimit.core import get_usage
from redis.exceptions import RedisError

from kit.db.errors import database_gave_up
from kit.http.pages import unavailable
from kit.limits.addresses import client_network
from kit.limits.buckets import bucket_take_local, key_hashed, quota_shared, redis_breaker
from kit.limits.costs import address_key, name_key, user_key
from kit.limits.policies import FormLimit, Per, Policy
from telemetry import metrics

TOO_MANY = 429
#: Applies to every form that no table names.
FORM_DEFAULT = FormLimit(policies=(Policy(name="form", quota=60, window_s=60, per=Per.USER),))
_SAFE = {"GET", "HEAD", "OPTIONS"}
#: The API has limits of its own.
_API_PREFIX = "/api/"
#: Form fields in which people identify themselves.
_NAME_FIELDS = ("login", "email")


class FormLimitMiddleware:
    """Answers 429 to a form that is submitted too often, before its view runs."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self,
        request: HttpRequest,
        view: object,  # noqa: ARG002 - Django's signature
        args: Any,  # noqa: ARG002
        kwargs: Any,  # noqa: ARG002
    ) -> HttpResponse | None:
        if request.method in _SAFE or request.path_info.startswith(_API_PREFIX) or _limit(request).keeps_input:
            return None
        try:
            wait_s = form_wait_s(request)
        except Error as error:
            # The user is read from Postgres. Django does not pass an exception raised here to other middleware.
            if database_gave_up(error):
                return unavailable()
            raise
        return None if wait_s is None else too_many_page(request, wait_s=wait_s)


def form_wait_s(request: HttpRequest) -> int | None:
    """Counts this form. Returns None if it may pass, otherwise the seconds to wait."""
    if not settings.THROTTLE_ENABLED:
        return None
    for policy in _limit(request).policies:
        wait_s = _counted(request, policy)
        if wait_s is not None:
            metrics.throttled.labels(policy=policy.name).inc()
            return max(1, wait_s)
    return None


def too_many(response: HttpResponse, *, wait_s: int) -> HttpResponse:
    """Turns a page into the answer to a form that was submitted too often."""
    response.status_code = TOO_MANY
    response["Retry-After"] = str(wait_s)
    add_never_cache_headers(response)
    return response


def too_many_page(request: HttpRequest, *, wait_s: int) -> HttpResponse:
    """The page that answers a form which was submitted too often."""
    # A form that a table names has a page to return to. Any other may be a mere button on some page.
    again = request.get_full_path() if _is_in_table(request) else ""
    return too_many(render(request, "429.html", {"wait_s": wait_s, "again": again}), wait_s=wait_s)


@cache
def form_limits() -> Mapping[str, FormLimit]:
    """The tables of all apps merged. Raises ImproperlyConfigured if two of them name the same view."""
    tables: list[Mapping[str, FormLimit]] = [import_string(path) for path in settings.FORM_LIMITS]
    merged = {view: limit for table in tables for view, limit in table.items()}
    if len(merged) != sum(map(len, tables)):
        raise ImproperlyConfigured("Two tables of FORM_LIMITS name the same view.")
    return merged


def _view_name(request: HttpRequest) -> str:
    return request.resolver_match.view_name if request.resolver_match else ""


def _is_in_table(request: HttpRequest) -> bool:
    return _view_name(request) in form_limits()


def _limit(request: HttpRequest) -> FormLimit:
    return form_limits().get(_view_name(request), FORM_DEFAULT)


def _counted(request: HttpRequest, policy: Policy) -> int | None:
    key = _KEYS[policy.per](request)
    if redis_breaker.may_try():
        try:
            usage = _usage(request, policy, key)
        except (RedisError, OSError) as error:
            redis_breaker.failed(error)
        else:
            redis_breaker.succeeded()
            return usage["time_left"] if usage["should_limit"] else None
    verdict = bucket_take_local(policy, key=key)
    return verdict.wait_s if verdict.is_refused else None


def _usage(request: HttpRequest, policy: Policy, key: str) -> Mapping[str, int]:
    usage: Mapping[str, int] = get_usage(
        request,
        group=policy.name,
        key=lambda group, request: key_hashed(key),  # noqa: ARG005 - django-ratelimit's signature
        rate=(quota_shared(policy), policy.window_s),
        increment=True,
    )
    return usage


def _user_key(request: HttpRequest) -> str:
    return user_key(request.user.pk) if request.user.is_authenticated else _address_key(request)


def _address_key(request: HttpRequest) -> str:
    return address_key(client_network(request))


def _name_key(request: HttpRequest) -> str:
    name = next((request.POST[field] for field in _NAME_FIELDS if field in request.POST), "")
    return name_key(name) if name else _address_key(request)


_KEYS: Mapping[Per, Callable[[HttpRequest], str]] = {
    Per.USER: _user_key,
    Per.ADDRESS: _address_key,
    Per.NAME: _name_key,
}
