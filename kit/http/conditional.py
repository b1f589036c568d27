"""What a client has already it is not sent again: If-None-Match and 304 (RFC 9110, section 13), and gzip."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags

from kit.http.bodies import PACK_FROM_BYTES, Body
from telemetry import metrics


def etag_known(request: HttpRequest, etag: str) -> bool:
    """Whether the client names this state as one that it has. Weak comparison; "*" is any state."""
    named = request.META.get("HTTP_IF_NONE_MATCH")
    if not named:
        return False
    known = parse_etags(named)
    return known == ["*"] or any(_opaque(one) == _opaque(etag) for one in known)


def not_modified(request: HttpRequest, etag: str) -> HttpResponse:
    """304, counted by route."""
    route = request.resolver_match.route if request.resolver_match else ""
    metrics.not_modified.labels(route=f"/{route}").inc()
    return HttpResponseNotModified(headers={"ETag": etag})


def body_response(request: HttpRequest, body: Body, *, content_type: str = "application/json") -> HttpResponse:
    """The body in the form that the client takes, or 304 where it has it already."""
    if etag_known(request, body.etag):
        response = not_modified(request, body.etag)
    elif body.packed and gzip_accepted(request):
        response = HttpResponse(body.content, content_type=content_type, headers={"Content-Encoding": "gzip"})
    else:
        response = HttpResponse(body.plain(), content_type=content_type)
    response["ETag"] = body.etag
    # Said of tiny bodies too, which are never packed: the address has answers of either kind.
    response["Vary"] = "Accept-Encoding"
    return response


def gzip_accepted(request: HttpRequest) -> bool:
    """Whether Accept-Encoding takes gzip: named, or by "*", and not with the weight 0 (RFC 9110, 12.5.3)."""
    weights = dict(map(_weighed, request.headers.get("Accept-Encoding", "").lower().split(",")))
    gzip = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    # A client that would rather have it plain gets it plain.
    return gzip > 0 and gzip >= weights.get("identity", 0.0)


class CompressionMiddleware(GZipMiddleware):
    """Django's gzip, where that is worth it; weights of 0 are honoured, and pages that hold a secret stay plain.

    A page with a CSRF token also shows what others wrote (a memo, a name, a search): compressed together, the length
    would tell the one by guesses at the other (BREACH). Django's random padding only makes that slower. What is left
    to compress is the API and fragments of pages, which carry no secret, and public pages.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.status_code == HttpResponseNotModified.status_code:
            # Of no body there is no length to tell; the 0 of CommonMiddleware would be that of the full answer.
            del response["Content-Length"]
            return response
        if isinstance(response, HttpResponse) and len(response.content) < PACK_FROM_BYTES:
            return response
        # Django sends the cookie anew with each page that has asked for its token.
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
