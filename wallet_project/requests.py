"""How requests are decoded, before any middleware runs."""

from collections.abc import Mapping
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.utils.http import parse_header_parameters


class Utf8Request(WSGIRequest):
    """A request that is decoded as UTF-8, whatever its Content-Type says.

    Django decodes the URL with the body's charset as well. Some of Python's codecs (`idna`, `bz2_codec`) cannot do
    that, and a charset in the form of RFC 2231 cannot even be parsed. The request would then fail before any middleware
    or error page could answer it.
    """

    def _set_content_type_params(self, meta: Mapping[str, Any]) -> None:
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:
            self.content_type, self.content_params = "", {}
