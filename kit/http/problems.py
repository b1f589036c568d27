"""Problem documents (RFC 9457): the form of every refusal and failure of the API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import JsonResponse

CONTENT_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What went wrong. `type` is a URI reference; `errors` maps the fields that are wrong to messages."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    retryable: bool
    errors: Mapping[str, Sequence[str]] = field(default_factory=dict)
    retry_after_s: int | None = None

    def body(self) -> dict[str, Any]:
        """The members of the document. `errors` is left out when no field is wrong."""
        body: dict[str, Any] = {
            "type": self.type,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "retryable": self.retryable,
        }
        if self.errors:
            body["errors"] = {name: list(messages) for name, messages in self.errors.items()}
        return body


def problem_response(problem: Problem) -> JsonResponse:
    """The answer. It is not a DRF response, so it looks the same whatever the client accepts and whichever view
    failed."""
    response = JsonResponse(
        problem.body(),
        status=problem.status,
        content_type=CONTENT_TYPE,
        json_dumps_params={"separators": (",", ":"), "ensure_ascii": False},
    )
    response["Cache-Control"] = "no-store"
    if problem.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if problem.retry_after_s:
        response["Retry-After"] = str(problem.retry_after_s)
    return response
