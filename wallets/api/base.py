"""The view that every view of the API is made from."""

from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils.cache import patch_vary_headers
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from kit.cache.ahead import Ahead
from kit.http.bodies import Body, body_make, json_bytes
from kit.http.conditional import body_response
from kit.http.serializers import StrictSerializer
from kit.limits.policies import Cost
from kit.limits.views import LimitedView
from wallets.limits import ANONYMOUS, READ, WRITE
from wallets.models import User


class ApiView(LimitedView):
    """Signed-in clients only, unless a view says otherwise; input through `body` and `query`, which refuse."""

    http_method_names = ["get", "head", "post"]
    reads: ClassVar[tuple[Cost, ...]] = (READ,)
    writes: ClassVar[tuple[Cost, ...]] = (WRITE,)
    anonymous: ClassVar[tuple[Cost, ...]] = (ANONYMOUS,)

    @cached_property
    def ahead(self) -> Ahead:
        """What this request will read, to be looked up together with who asks."""
        return Ahead()

    def ahead_for(self, request: Request, owner_id: int | None) -> Ahead:
        """The same, and what the request will be charged if it is this user's."""
        if owner_id is not None:
            self.ahead.beside += self.cost_commands(request, owner_id)
        return self.ahead

    @property
    def user(self) -> User:
        """Who asks. IsAuthenticated has seen to it that it is somebody."""
        user = self.request.user
        assert isinstance(user, User)  # noqa: S101 - narrows the type
        return user

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        # What is refused is counted too, so not before that.
        _framing_check(request)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        # An answer belongs to one person: no shared cache may keep it, and a browser asks again.
        response.headers.setdefault("Cache-Control", "private, no-cache")
        answer = super().finalize_response(request, response, *args, **kwargs)
        if self.authentication_classes:
            patch_vary_headers(answer, ["Authorization", "Cookie"])
        return answer

    def answer(self, data: Body | Mapping[str, Any]) -> HttpResponse:
        """What is read, with its ETag; 304 where the client has it already.

        Without DRF's renderers: a body may be packed already, and there is one form of it.
        """
        body = data if isinstance(data, Body) else body_make(json_bytes(data))
        return body_response(self.request._request, body)  # noqa: SLF001 - the answer is Django's own

    def body(self, kind: type[StrictSerializer]) -> dict[str, Any]:
        """The request's JSON, checked. Raises ValidationError, which names every field that is wrong."""
        return _checked(kind, self.request.data)

    def query(self, kind: type[StrictSerializer]) -> dict[str, Any]:
        """The parameters of the URL, checked like a body: none unknown, none given twice."""
        if not self.request.query_params:
            return _of_nothing(kind).copy()
        repeated = [name for name, values in self.request.query_params.lists() if len(values) > 1]
        if repeated:
            raise ValidationError({name[:100]: ["Give this parameter only once."] for name in repeated[:20]})
        return _checked(kind, self.request.query_params.dict())


def _checked(kind: type[StrictSerializer], data: object) -> dict[str, Any]:
    serializer = kind(data=data)
    serializer.is_valid(raise_exception=True)
    checked: dict[str, Any] = serializer.validated_data
    return checked


@cache
def _of_nothing(kind: type[StrictSerializer]) -> dict[str, Any]:
    """What a query without parameters says: the defaults. A serializer takes as long to be made as all the rest."""
    return _checked(kind, {})


def _framing_check(request: Request) -> None:
    # Django reads no body without a length, and would take a chunked one for an empty one.
    if "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
        raise ParseError("Send the body with a Content-Length, not in chunks.")
