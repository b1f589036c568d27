"""The base class of all API views."""

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from kit.cache.prefetch import prefetch_command, prefetch_scope
from kit.http.bodies import Body, body_make, json_bytes
from kit.http.conditional import body_response
from kit.http.serializers import StrictSerializer
from kit.limits.policies import Cost
from kit.limits.views import LimitedView
from wallets.auth.access import Bearer
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.mandates import OWNER, Mandate, Scope, scope_require
from wallets.limits import ANONYMOUS, READ, WRITE
from wallets.models import User


class ApiView(LimitedView):
    """Requires authentication unless a view says otherwise. Views read strictly checked input by `body` and `query`."""

    http_method_names = ["get", "head", "post"]
    reads: ClassVar[tuple[Cost, ...]] = (READ,)
    writes: ClassVar[tuple[Cost, ...]] = (WRITE,)
    anonymous: ClassVar[tuple[Cost, ...]] = (ANONYMOUS,)
    #: The scope that a token needs, by method. Without one, no token may call the method.
    scopes: ClassVar[Mapping[str, Scope]] = {}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with prefetch_scope():
            return super().dispatch(request, *args, **kwargs)

    def prefetch(self, request: Request, owner_id: int | None) -> None:
        """Plans what this request will read (`plan`), and what it will cost if it is this user's. Called by the
        authentication, which then reads the token together with all of it."""
        self.plan()
        if owner_id is not None:
            for command in self.cost_commands(request, owner_id):
                prefetch_command(command)

    def plan(self) -> None:
        """Plans the cached objects that the view will read: `kit.cache.prefetch`. By default none."""

    @property
    def user(self) -> User:
        """The caller. IsAuthenticated has already refused anonymous requests."""
        user = self.request.user
        assert isinstance(user, User)  # noqa: S101 - narrows the type
        return user

    @property
    def mandate(self) -> Mandate:
        """What the caller may do on its user's behalf."""
        return self.request.auth.mandate if isinstance(self.request.auth, Bearer) else OWNER

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        # After the rate limits, so that refused requests count too.
        self._scope_check(request)
        _framing_check(request)

    def _scope_check(self, request: Request) -> None:
        method = "GET" if request.method == "HEAD" else request.method or ""
        # A method that the view does not have is answered with 405, whatever the token may do.
        is_answered = method.lower() in self.http_method_names and hasattr(self, method.lower())
        if not is_answered or not isinstance(request.auth, Bearer):
            return
        if method not in self.scopes:
            raise WalletError(ErrorCode.PERMISSION_DENIED, "API tokens cannot do this.")
        scope_require(mandate=request.auth.mandate, scope=self.scopes[method])

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        # An answer belongs to one user, so no shared cache may store it. The user's own may, if it can ask whether the
        # answer is still the newest, or if the answer is the same for everybody.
        is_public = not self.authentication_classes and request.method in SAFE_METHODS
        may_store = is_public or "ETag" in response.headers
        response.headers.setdefault("Cache-Control", "private, no-cache" if may_store else "private, no-store")
        answer = super().finalize_response(request, response, *args, **kwargs)
        if self.authentication_classes:
            patch_vary_headers(answer, ["Authorization", "Cookie"])
        return answer

    def answer(self, data: Body | Mapping[str, Any]) -> HttpResponse:
        """Answers a read with an ETag, or with 304 if the client already has this state.

        It bypasses DRF's renderers, because a body may be compressed already and JSON is its only format.
        """
        body = data if isinstance(data, Body) else body_make(json_bytes(data))
        return body_response(self.request._request, body)  # noqa: SLF001 - the answer is Django's own

    def body(self, kind: type[StrictSerializer]) -> dict[str, Any]:
        """The request's JSON, checked. Raises ValidationError, which names every invalid field."""
        return _checked(kind, self.request.data)

    def query(self, kind: type[StrictSerializer]) -> dict[str, Any]:
        """The parameters of the URL, checked like a body. Unknown and repeated parameters are refused."""
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
    """The result for a query without parameters. Cached, because creating a serializer takes as long as all the
    rest."""
    return _checked(kind, {})


def _framing_check(request: Request) -> None:
    # Without a Content-Length, Django reads no body, and would treat a chunked one as empty.
    if "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
        raise ParseError("Send the body with a Content-Length, not in chunks.")
