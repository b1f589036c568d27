"""The OpenAPI document as it is recorded: a line for each parameter, answer and property; no prose, no examples."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]
_REFERENCE = re.compile(r'\{"\$ref": "#/components/schemas/(\w+)"\}')
_PROSE = {"description", "summary", "title", "example", "examples"}


def schema_lines(document: Json) -> list[str]:
    lines = [f"openapi {document['openapi']}"]
    for method, path, operation in operations(document):
        lines += ["", f"{method} {path}", *_operation(operation)]
    for kind, components in sorted(document["components"].items()):
        for name, component in sorted(components.items()):
            lines += ["", f"{kind} {name}", *_component(component)]
    return lines


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Method, path and description of every operation."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def _operation(operation: Json) -> Iterator[str]:
    yield f"  id {operation['operationId']}"
    yield f"  security {json.dumps(operation.get('security'))}"
    for one in sorted(operation.get("parameters", []), key=lambda one: (one["in"], one["name"])):
        needed = " required" if one.get("required") else ""
        yield f"  {one['in']} {one['name']}{needed} {_compact(one.get('schema', {}))}"
    body = operation.get("requestBody", {})
    for kind, media in sorted(body.get("content", {}).items()):
        yield f"  body {kind} {_compact(media['schema'])}"
    alike: dict[str, list[str]] = {}
    for status, answer in sorted(operation["responses"].items()):
        alike.setdefault(_answer(answer), []).append(status)
    for text, statuses in alike.items():
        yield f"  {' '.join(statuses)}: {text}"


def _answer(answer: Json) -> str:
    contents = [f"{kind} {_compact(media['schema'])}" for kind, media in sorted(answer.get("content", {}).items())]
    return f"{', '.join(contents) or 'nothing'}; headers {' '.join(sorted(answer.get('headers', {})))}"


def _component(component: Json) -> Iterator[str]:
    rest = {name: value for name, value in component.items() if name != "properties"}
    yield f"  {_compact(rest)}"
    for name, property_ in sorted(component.get("properties", {}).items()):
        yield f"  {name} {_compact(property_)}"


def _compact(value: Any) -> str:
    return _REFERENCE.sub(r"\1", json.dumps(_without_prose(value), sort_keys=True))


def _without_prose(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_prose(one) for name, one in value.items() if name not in _PROSE or not _is_prose(one)}
    return [_without_prose(one) for one in value] if isinstance(value, list) else value


def _is_prose(value: object) -> bool:
    """A property of a schema may be called `title`; then it is no prose."""
    return isinstance(value, str | list)
