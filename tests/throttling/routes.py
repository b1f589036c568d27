"""Every URL of the site, read from Django's resolver, so that tests also cover URLs added later."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from kit.limits.views import LimitedView


@dataclass(frozen=True, slots=True)
class Route:
    """A URL with sample values for its parameters, and its view."""

    name: str
    path: str
    view: Any

    def __str__(self) -> str:
        return self.name


def routes(patterns: list[Any] | None = None, prefix: str = "/", namespace: str = "") -> Iterator[Route]:
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{pattern.namespace}:" if pattern.namespace else namespace
            yield from routes(pattern.url_patterns, path, inner)
        elif isinstance(pattern, URLPattern):
            yield Route(f"{namespace}{pattern.name}", _filled_in(path), _view_of(pattern))


def api_routes() -> list[Route]:
    """The routes that DRF answers. The catch-all for unknown API paths is not limited."""
    return [route for route in routes() if route.path.startswith("/api/") and route.path != "/api/"]


def page_routes() -> list[Route]:
    return [route for route in routes() if not route.path.startswith("/api/")]


def methods(route: Route) -> list[str]:
    assert issubclass(route.view, LimitedView), f"{route.path} is not limited"
    return [method for method in ("get", "post") if hasattr(route.view, method)]


def _filled_in(path: str) -> str:
    path = re.sub(r"\(\?P<\w+>[^)]*\)", "x", path)
    return re.sub(r"<[^>]+>", "1", path).replace("^", "").replace("$", "")


def _view_of(pattern: URLPattern) -> Any:
    return getattr(pattern.callback, "view_class", None) or getattr(pattern.callback, "cls", pattern.callback)
