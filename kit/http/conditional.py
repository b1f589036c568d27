"""Sends a client only what it does not have: If-None-Match and 304 (RFC 9110, section 13), and gzip."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags

from kit.http.bodies import PACK_FROM_BYTES, Body
from telemetry import metrics


def etag_known(request: HttpRequest, etag: str) -> bool:
    """Whether If-None-Match names this ETag. The comparison is weak; "*" matches any state."""
    named = request.META.get("HTTP_IF_NONE_MATCH")
    if not named:
        return False
    known = parse_etags(named)
    return known == ["*"] or any(_opaque(one) == _opaque(etag) for one in known)


def not_modified(request: HttpRequest, etag: str) -> HttpResponse:
    """A 304, counted by route."""
    route = request.resolver_match.route if request.resolver_match else ""
    metrics.not_modified.labels(route=f"/{route}").inc()
    return HttpResponseNotModified(headers={"ETag": etag})


def body_response(request: HttpRequest, body: Body, *, content_type: str = "application/json") -> HttpResponse:
    """The body in the form that the client accepts, or 304 if the client has it already."""
    if etag_known(request, body.etag):
        response = not_modified(request, body.etag)
    elif body.packed and gzip_accepted(request):
        response = HttpResponse(body.content, content_type=content_type, headers={"Content-Encoding": "gzip"})
    else:
        response = HttpResponse(body.plain(), content_type=content_type)
    response["ETag"] = body.etag
    # Also for small bodies, which are never compressed: other answers of the same URL are.
    response["Vary"] = "Accept-Encoding"
    return response


def gzip_accepted(request: HttpRequest) -> bool:
    """Whether Accept-Encoding accepts gzip, by name or by "*", with a weight above 0 (RFC 9110, 12.5.3)."""
    weights = dict(map(_weighed, request.headers.get("Accept-Encoding", "").lower().split(",")))
    gzip = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    # If the client prefers the plain form, it gets that.
    return gzip > 0 and gzip >= weights.get("identity", 0.0)


class CompressionMiddleware(GZipMiddleware):
    """Django's gzip for answers that are large enough. It honours weights of 0 and never compresses pages with a
    secret.

    A page with a CSRF token also shows text by others (a memo, a name, a search). If both were compressed together, an
    attacker could guess the token from the length (BREACH). Django's random padding only slows that down. So this
    compresses the API and fragments of pages, which contain no secret, and public pages.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.status_code == HttpResponseNotModified.status_code:
            # A 304 has no body. CommonMiddleware has set the length 0, which would describe the full answer.
            del response["Content-Length"]
            return response
        if isinstance(response, HttpResponse) and len(response.content) < PACK_FROM_BYTES:
            return response
        # Django sends this cookie with every page that uses the CSRF token.
        if settings.CSRF_COOKIE_NAME in response.cookies:
            return response
        if not response.has_header("Content-Encoding") and not gzip_accepted(request):
            patch_vary_headers(response, ["Accept-Encoding"])
            return response
        return super().process_response(request, response)


def _opaque(etag: str) -> str:
    return etag.removeprefix("W/")


def _weighed(item: str) -> tuple[str, float]:
    coding, _, parameters = item.partition(";")
    name, _, weight = parameters.strip().partition("=")
    try:
        quality = float(weight) if name.strip() == "q" else 1.0
    except ValueError:
        quality = 0.0
    return coding.strip(), quality
