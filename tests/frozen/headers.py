"""The headers of an answer as they are recorded: sorted by name, all of them, volatile values named by kind."""

import re
from collections.abc import Callable, Iterable, Mapping

from tests.frozen.names import Names

Headers = list[tuple[str, str]]

_POLICY = (
    "base-uri 'none'; connect-src 'self'; default-src 'none'; font-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; img-src 'self' data:; manifest-src 'self'; script-src 'self'; style-src 'self'"
)
#: What nearly every answer has.
USUAL = {
    "connection: keep-alive",
    f"content-security-policy: {_POLICY}",
    "cross-origin-opener-policy: same-origin",
    "date: <date>",
    "referrer-policy: same-origin",
    "server: <server>",
    "x-content-type-options: nosniff",
    "x-frame-options: DENY",
}
_DATES = {"date", "expires", "last-modified"}
#: The order of what these list means nothing.
_LISTS = {"allow": ",", "vary": ",", "content-security-policy": ";"}
_QUOTED = re.compile(r'"[^"]*"')
_COOKIE_DATE = re.compile(r"expires=[^;]+", re.IGNORECASE)


def headers_text(headers: Iterable[tuple[str, str]], names: Names) -> list[str]:
    """One line for each header; those of USUAL on one line, where all of them are there."""
    lines = sorted(f"{name.lower()}: {_value(name.lower(), value, names)}" for name, value in headers)
    if not set(lines) >= USUAL:
        return lines
    return ["(usual headers)", *(line for line in lines if line not in USUAL)]


def without_packing(headers: Headers) -> Headers:
    """Without what depends on the length of a body's sentences: from a certain length on it may be packed."""
    return [(name, re.sub(r"(, *)?Accept-Encoding", "", value).lstrip(", ")) for name, value in headers]


def sent_text(headers: Mapping[str, str], names: Names) -> list[str]:
    """The headers of a request, one line for each: those that the scenario chose."""
    return sorted(f"{name.lower()}: {_sent(name.lower(), value, names)}" for name, value in headers.items())


def _sent(name: str, value: str, names: Names) -> str:
    if name == "if-none-match":
        return _QUOTED.sub(lambda found: names.numbered_before("etag", found[0]), value)
    if name == "cookie":
        return "; ".join(sorted(pair.partition("=")[0].strip() for pair in value.split(";")))
    return "<csrf>" if name == "x-csrftoken" and value else names.text(value)


def _value(name: str, value: str, names: Names) -> str:
    if name in _DATES:
        return "<date>"
    if name in _LISTS:
        return _sorted(value, separator=_LISTS[name])
    special = _SPECIAL.get(name)
    return special(value, names) if special else names.text(value)


def _sorted(value: str, *, separator: str) -> str:
    parts = (" ".join(part.split()) for part in value.split(separator))
    return f"{separator} ".join(sorted(parts))


def _etag(value: str, names: Names) -> str:
    return _QUOTED.sub(lambda found: names.numbered("etag", found[0]), value)


def _cookie(value: str, names: Names) -> str:
    """Its name and attributes; of its value only whether there is one."""
    pair, _, attributes = value.partition(";")
    name, _, content = pair.partition("=")
    kept = _COOKIE_DATE.sub("expires=<date>", attributes)
    return f"{name}={'<value>' if content.strip(chr(34)) else ''};{kept}"


def _length(value: str, _: Names) -> str:
    """The client has read exactly that many bytes, or it would have failed."""
    return value if value == "0" else "<length>"


def _counters(value: str, _: Names) -> str:
    return re.sub(r"([rt])=\d+", r"\1=<n>", value)


_SPECIAL: Mapping[str, Callable[[str, Names], str]] = {
    "content-length": _length,
    "etag": _etag,
    "ratelimit": _counters,
    "retry-after": lambda value, _: "<seconds>" if value.isdigit() else value,
    "server": lambda *_: "<server>",
    "set-cookie": _cookie,
    "x-request-id": lambda value, names: re.sub(r"<uuid:\d+>", "<request-id>", names.text(value)),
}
