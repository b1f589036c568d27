"""The view that every view of the API is made from."""

from typing import Any

from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from wallets.api.serializers import StrictSerializer
from wallets.models import User


class ApiView(APIView):
    """Signed-in clients only, unless a view says otherwise; input through `body` and `query`, which refuse."""

    http_method_names = ["get", "head", "post"]

    @property
    def user(self) -> User:
        """Who asks. IsAuthenticated has seen to it that it is somebody."""
        user = self.request.user
        assert isinstance(user, User)  # noqa: S101 - narrows the type
        return user

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        _framing_check(request)
        super().initial(request, *args, **kwargs)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        # An answer belongs to one person: no shared cache may keep it, and a browser asks again.
        response.headers.setdefault("Cache-Control", "private, no-cache")
        return super().finalize_response(request, response, *args, **kwargs)

    def body(self, kind: type[StrictSerializer]) -> dict[str, Any]:
        """The request's JSON, checked. Raises ValidationError, which names every field that is wrong."""
        return self._checked(kind, self.request.data)

    def query(self, kind: type[StrictSerializer]) -> dict[str, Any]:
        """The parameters of the URL, checked like a body: none unknown, none given twice."""
        repeated = [name for name, values in self.request.query_params.lists() if len(values) > 1]
        if repeated:
            raise ValidationError({name[:100]: ["Give this parameter once."] for name in repeated[:20]})
        return self._checked(kind, self.request.query_params.dict())

    def _checked(self, kind: type[StrictSerializer], data: object) -> dict[str, Any]:
        serializer = kind(data=data)
        serializer.is_valid(raise_exception=True)
        checked: dict[str, Any] = serializer.validated_data
        return checked


def _framing_check(request: Request) -> None:
    # Django reads no body without a length, and would take a chunked one for an empty one.
    if "chunked" in request.headers.get("Transfer-Encoding", "").lower():
        raise ParseError("Send the body with a Content-Length, not in chunks.")
