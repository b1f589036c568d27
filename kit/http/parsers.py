"""Strict JSON: input that two parsers could read differently is refused."""

import json
import re
from collections.abc import Iterator
from typing import IO, Any

from django.utils.http import parse_header_parameters
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser

BODY_BYTES_MAX = 1_048_576
#: No integer in the API has more digits. Longer ones would cost Python's int() quadratic time.
_DIGITS_MAX = 20
# Postgres stores no NUL, and half of a surrogate pair has no UTF-8 form.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class PayloadTooLarge(APIException):
    """The body is larger than the API accepts."""

    status_code = 413
    default_detail = f"The body must not exceed {BODY_BYTES_MAX} bytes."
    default_code = "payload_too_large"


class StrictJSONParser(BaseParser):
    """Parses one JSON object of at most 1 MiB in UTF-8. Refuses duplicate names and anything that is not JSON."""

    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:  # noqa: ARG002 - DRF's signature
        if _charset(media_type or "") not in {"utf-8", "utf8"}:
            raise UnsupportedMediaType(media_type or "", "The JSON must be encoded in UTF-8.")
        body = stream.read(BODY_BYTES_MAX + 1)
        if len(body) > BODY_BYTES_MAX:
            raise PayloadTooLarge
        return _parse(body)


def _charset(media_type: str) -> str:
    try:
        _, parameters = parse_header_parameters(media_type)
    except ValueError:  # a charset in the form of RFC 2231
        return ""
    return str(parameters.get("charset", "utf-8")).lower()


def _parse(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(
            body.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer
        )
        is_storable = not any(map(_UNSTORABLE.search, _strings(value)))
    except UnicodeDecodeError as error:
        raise ParseError("The body is not valid UTF-8.") from error
    except RecursionError as error:
        raise ParseError("The JSON is nested too deeply.") from error
    except json.JSONDecodeError as error:
        raise ParseError(f"The body is not valid JSON: {error.msg} at character {error.pos}.") from error
    if not isinstance(value, dict):
        raise ParseError("The body must be a JSON object.")
    if not is_storable:
        raise ParseError("Strings must not contain NUL or an unpaired surrogate.")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ParseError("A JSON object repeats a field.")
    return value


def _constant(name: str) -> Any:
    raise ParseError(f"{name} is not valid JSON.")


def _integer(digits: str) -> int | float:
    """An integer. If it is larger than any field allows, a float instead, which every field refuses."""
    return int(digits) if len(digits) <= _DIGITS_MAX else float(digits)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from _strings(member)
    elif isinstance(value, list):
        for member in value:
            yield from _strings(member)
