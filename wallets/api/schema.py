"""Describes operations in the OpenAPI schema, including the errors that all operations share."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from kit.http.problems import CONTENT_TYPE
from wallets.api.problems import STATUS, problem_body
from wallets.domain.errors import CATALOGUE, RETRY_AFTER_S, ErrorCode, WalletError

F = TypeVar("F", bound=Callable[..., Any])

_ALWAYS = (
    ErrorCode.METHOD_NOT_ALLOWED,
    ErrorCode.NOT_ACCEPTABLE,
    ErrorCode.RATE_LIMITED,
    ErrorCode.INTERNAL_ERROR,
    ErrorCode.UNAVAILABLE,
)
_WITH_BODY = (ErrorCode.MALFORMED, ErrorCode.PAYLOAD_TOO_LARGE, ErrorCode.UNSUPPORTED_MEDIA_TYPE)
_WAITING = (ErrorCode.IDEMPOTENCY_IN_PROGRESS, ErrorCode.RATE_LIMITED, ErrorCode.UNAVAILABLE)


class ProblemSerializer(serializers.Serializer[Any]):
    """A refusal or a failure (RFC 9457)."""

    type = serializers.CharField(help_text="Identifies the error. The URL leads to its entry in the list of errors.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What happened in this case, as a sentence for people.")
    code = serializers.ChoiceField(choices=[(code.value, CATALOGUE[code].title) for code in ErrorCode])
    retryable = serializers.BooleanField(help_text="Whether the same request may succeed later.")
    errors = serializers.DictField(  # type: ignore[assignment]  # the class's own `errors` is not used here
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="The invalid fields, each with its error messages.",
    )


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # drf-spectacular is untyped
    """A bearer token."""

    target_class = "wallets.api.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:  # noqa: ARG002 - the library's signature
        description = "A token from /api/v1/auth/login or from the page “API tokens”."
        return {"type": "http", "scheme": "bearer", "description": description}


class BrowserScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A browser's session."""

    target_class = "wallets.api.authentication.BrowserAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:  # noqa: ARG002
        description = "The session of a logged-in browser. A POST request also needs the header X-CSRFToken."
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME, "description": description}


class StrictScheme(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Marks input as closed: it accepts only the declared fields."""

    target_class = "kit.http.serializers.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        described = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)  # noqa: SLF001 - documented
        return {**described, "additionalProperties": False}


def operation(
    *,
    name: str,
    tag: str,
    summary: str,
    description: str = "",
    request: type[serializers.Serializer[Any]] | None = None,
    status: int = 200,
    answer: type[serializers.Serializer[Any]] | None = None,
    refusals: Iterable[ErrorCode] = (),
    parameters: Sequence[OpenApiParameter] = (),
    examples: Mapping[str, Any] | None = None,
    is_public: bool = False,
    is_conditional: bool = False,
) -> Callable[[F], F]:
    """Describes a method of a view. `refusals` are the codes it may answer beyond those that all operations share.

    `is_conditional`: the answer has an ETag, and the answer to a client that already has this state is 304.
    """
    shared = [*_ALWAYS, *(_WITH_BODY if request else ())]
    if not is_public:
        shared += [ErrorCode.NOT_AUTHENTICATED, ErrorCode.INSUFFICIENT_SCOPE]
        shared += [ErrorCode.CSRF_FAILED] if request else []
    codes = {*shared, *refusals}
    decorate: Callable[[F], F] = extend_schema(
        operation_id=name,
        tags=[tag],
        summary=summary,
        description=description,
        request=request,
        responses={
            status: OpenApiResponse(answer, description=_SUCCESS[status]),
            **({304: OpenApiResponse(description=_SUCCESS[304])} if is_conditional else {}),
            **_problems(codes),
        },
        parameters=[*parameters, *(_CONDITIONAL if is_conditional else ()), *_headers(codes)],
        examples=[OpenApiExample(title, value=value, request_only=True) for title, value in (examples or {}).items()],
        auth=[] if is_public else None,
    )
    return decorate


def answer_header(name: str, description: str, *, statuses: Sequence[int] | None = None) -> OpenApiParameter:
    """A header of the answers with these statuses, or of every answer if none are given."""
    response = True if statuses is None else list(statuses)
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, description=description, response=response)


LOCATION = answer_header("Location", "The path of the new resource.", statuses=[201, 202])
_LIMITS = (
    answer_header("RateLimit-Policy", 'The quota: `q` units in `w` seconds, such as `"money";q=600;w=60`.'),
    answer_header("RateLimit", 'What is left: `r` units for the next `t` seconds, such as `"money";r=598;t=1`.'),
)

_SUCCESS: Mapping[int, str] = {
    200: "Success.",
    201: "Created.",
    202: "Accepted. Settlement follows.",
    204: "Success, without a body.",
    304: "Not modified since the `ETag` you sent.",
}
_CONDITIONAL = (
    OpenApiParameter(
        "If-None-Match",
        str,
        OpenApiParameter.HEADER,
        description="The `ETag` of your copy. If it is still current, the response is 304 without a body.",
    ),
    answer_header("ETag", "Identifies this version. Weak: the same with and without compression.", statuses=[200, 304]),
    answer_header(
        "Cache-Control",
        "`private, no-cache`: revalidate your copy before each use.",
        statuses=[200, 304],
    ),
)


def _problems(codes: Iterable[ErrorCode]) -> dict[tuple[int, str], OpenApiResponse]:
    """One response per status, with an example of each code that it may carry."""
    by_status: dict[int, list[ErrorCode]] = {}
    for code in ErrorCode:
        if code in codes:
            by_status.setdefault(STATUS[code], []).append(code)
    return {(status, CONTENT_TYPE): _problem(same) for status, same in by_status.items()}


def _problem(codes: Sequence[ErrorCode]) -> OpenApiResponse:
    titles = " Or: ".join(CATALOGUE[code].title for code in codes)
    return OpenApiResponse(ProblemSerializer, description=titles, examples=_examples(codes))


def _examples(codes: Iterable[ErrorCode]) -> list[OpenApiExample]:
    return [
        OpenApiExample(
            code.value,
            value=problem_body(WalletError(code)),
            response_only=True,
            media_type=CONTENT_TYPE,
            status_codes=[str(STATUS[code])],
        )
        for code in codes
    ]


def _headers(codes: Iterable[ErrorCode]) -> list[OpenApiParameter]:
    waiting = sorted({STATUS[code] for code in codes if code in _WAITING})
    headers = [
        *_LIMITS,
        answer_header(
            "Retry-After", f"How many seconds to wait before retrying, such as {RETRY_AFTER_S}.", statuses=waiting
        ),
    ]
    if ErrorCode.NOT_AUTHENTICATED in codes:
        description = '`Bearer`; with 403 `insufficient_scope` also the missing scope: `scope="move_money"`.'
        headers.append(answer_header("WWW-Authenticate", description, statuses=[401, 403]))
    return headers
