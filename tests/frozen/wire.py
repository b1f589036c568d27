"""HTTP over a socket, as it is: no redirect is followed, nothing is unpacked, and every header is kept."""

import gzip
import http.client
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

from tests.frozen.bodies import json_text, request_text
from tests.frozen.exchanges import Area
from tests.frozen.headers import Headers, headers_text, sent_text, without_packing
from tests.frozen.names import Names
from tests.frozen.pages import Page, page_text

TIMEOUT_S = 30.0
JSON = "application/json"
PROBLEM = "application/problem+json"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`headers` are those that the scenario chose; `shown` is the body as it is recorded."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None = None
    shown: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: Headers
    raw: bytes

    def header(self, name: str) -> str:
        return next((value for known, value in self.headers if known.lower() == name.lower()), "")

    @property
    def text(self) -> str:
        packed = self.header("Content-Encoding") == "gzip"
        return (gzip.decompress(self.raw) if packed else self.raw).decode()

    @property
    def kind(self) -> str:
        return self.header("Content-Type").partition(";")[0]

    def json(self) -> Any:
        return json.loads(self.text)

    def page(self) -> Page:
        return Page(self.text)


@dataclass
class Log:
    """Where exchanges are noted down."""

    names: Names
    area: Area

    def begin(self, name: str) -> Area:
        self.area = Area(name)
        self.names.area_begin()
        return self.area


@dataclass
class Client:
    """Somebody who sends requests: with a token, with cookies, or with neither.

    The first argument of each request is the title of the exchange. Without a title nothing is recorded.
    """

    port: int
    log: Log
    token: str = ""
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, title: str | None, path: str, **headers: str) -> Answer:
        return self._exchange(title, "GET", path, _named(headers), None, "")

    def post(self, title: str | None, path: str, body: object, **headers: str) -> Answer:
        """JSON."""
        given = {"Content-Type": JSON, **_named(headers)}
        shown = request_text(body, self.log.names)
        return self._exchange(title, "POST", path, given, json.dumps(body).encode(), shown)

    def fill(self, title: str | None, path: str, data: Mapping[str, str | list[str]], **headers: str) -> Answer:
        """A form, with the CSRF token of the cookie."""
        given = {"Content-Type": FORM, **_named(headers)}
        token = {"csrfmiddlewaretoken": self.cookies["csrftoken"]} if "csrftoken" in self.cookies else {}
        body = urlencode(token | dict(data), doseq=True).encode()
        entered = {name: value for name, value in data.items() if name != "csrfmiddlewaretoken"}
        shown = request_text(entered | ({"draft": "<draft>"} if "draft" in entered else {}), self.log.names)
        return self._exchange(title, "POST", path, given, body, shown)

    def send(
        self, title: str | None, method: str, path: str, body: bytes | None = None, *, shown: str = "", **headers: str
    ) -> Answer:
        """Any request. A body is recorded as `shown`, or as it is."""
        return self._exchange(title, method, path, _named(headers), body, shown or (body or b"").decode("latin-1"))

    def _exchange(
        self, title: str | None, method: str, path: str, headers: dict[str, str], body: bytes | None, shown: str
    ) -> Answer:
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if self.cookies:
            headers.setdefault("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        request = Request(method=method, path=path, headers=headers, body=body, shown=shown)
        answer = exchange(self.port, request)
        self._cookies_take(answer)
        if title is not None:
            self.log.area.add(title, exchange_lines(request, answer, self.log, title))
        return answer

    def _cookies_take(self, answer: Answer) -> None:
        for name, value in answer.headers:
            if name.lower() == "set-cookie":
                for cookie in SimpleCookie(value).values():
                    self.cookies.pop(cookie.key, None)
                    if cookie.value:
                        self.cookies[cookie.key] = cookie.value


def exchange(port: int, request: Request) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        # Python's client would accept "identity" only, and would not say so in the recording.
        connection.putrequest(
            request.method, request.path, skip_host="Host" in request.headers, skip_accept_encoding=True
        )
        for name, value in request.headers.items():
            connection.putheader(name, value.encode("latin-1"))
        if request.body is not None and "Transfer-Encoding" not in request.headers:
            connection.putheader("Content-Length", str(len(request.body)))
        # A server that refuses a large body may close its side before it has read it all. Its answer is there.
        with suppress(BrokenPipeError):
            connection.endheaders(request.body)
        response = connection.getresponse()
        return Answer(status=response.status, headers=response.getheaders(), raw=response.read())
    finally:
        connection.close()


def exchange_lines(request: Request, answer: Answer, log: Log, title: str) -> list[str]:
    """The exchange as it is recorded."""
    names = log.names
    lines = [f"{request.method} {names.text(request.path)}", *sent_text(request.headers, names)]
    lines += ["", request.shown] if request.shown else []
    headers = without_packing(answer.headers) if answer.kind == PROBLEM else answer.headers
    lines += [f"--- {answer.status}", *headers_text(headers, names)]
    body = _body_text(answer, log, title) if answer.raw else ""
    return [*lines, "", body] if body else lines


def _body_text(answer: Answer, log: Log, title: str) -> str:
    kind = answer.kind
    if kind in {JSON, PROBLEM} and "openapi" not in answer.text[:100]:
        return json_text(answer.json(), log.names, lambda where, said: log.area.tell(title, where, said))
    if kind == "text/html":
        page = answer.page()
        for number, heading in enumerate(page.headings):
            log.area.tell(title, f"heading {number}", log.names.prose(heading))
        return page_text(page, log.names)
    return f"<{kind}>"


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
