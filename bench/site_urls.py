"""The site's addresses, and that of a view that does nothing."""

from django.urls import URLPattern, URLResolver, path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from wallet_project import urls

EMPTY_PATH = "/bench/empty"


class EmptyView(APIView):
    """What Django, its middlewares and DRF take for an answer, with no user, no database and nothing to say."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()

    def get(self, request: Request) -> Response:  # noqa: ARG002 - a view takes a request
        return Response({})


urlpatterns: list[URLPattern | URLResolver] = [path(EMPTY_PATH.lstrip("/"), EmptyView.as_view()), *urls.urlpatterns]

handler400 = urls.handler400
handler500 = urls.handler500
