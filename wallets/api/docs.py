"""The API's documentation: its OpenAPI schema, Swagger UI from local files, and the list of errors."""

from functools import cache

from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiJsonRenderer2
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.renderers import TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from kit.limits.views import LimitedView
from wallets.api.base import ApiView
from wallets.api.problems import STATUS
from wallets.domain.errors import CATALOGUE
from wallets.limits import ANONYMOUS


class SchemaView(ApiView):
    """The OpenAPI 3.1 document."""

    authentication_classes = ()
    permission_classes = ()
    renderer_classes = (OpenApiJsonRenderer, OpenApiJsonRenderer2)
    reads = writes = (ANONYMOUS,)
    schema = None

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(_schema(), content_type=request.accepted_renderer.media_type)


class DocsView(LimitedView, SpectacularSwaggerSplitView):
    """Swagger UI from local files, so it works offline and under the site's Content-Security-Policy."""

    url_name = "api_schema"
    template_name = "api/docs.html"
    reads = writes = anonymous = (ANONYMOUS,)


class ErrorsView(ApiView):
    """Every error of the catalogue. The `type` of a problem document links to its line here."""

    authentication_classes = ()
    permission_classes = ()
    renderer_classes = (TemplateHTMLRenderer,)
    reads = writes = (ANONYMOUS,)
    schema = None

    def get(self, request: Request) -> Response:  # noqa: ARG002 - a view takes a request
        errors = [
            {"code": code.value, "status": STATUS[code], "title": meaning.title, "retryable": meaning.retryable}
            for code, meaning in CATALOGUE.items()
        ]
        return Response({"errors": errors}, template_name="api/errors.html")


@cache
def _schema() -> bytes:
    """The schema, which is the same for all users. Cached, because generating it takes a hundred milliseconds."""
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return bytes(OpenApiJsonRenderer().render(schema, renderer_context={}))
