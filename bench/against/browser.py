"""Signs people in through the login form, as a browser does."""

from http.client import HTTPConnection
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from bench import interfaces
from bench.against.crowd import PASSWORD, SIGNING_IN
from bench.against.side import Side

_TIMEOUT_S = 30


def cookies_sign_in(side: Side) -> list[str]:
    """The Cookie headers of those in the crowd who can sign in. Raises RuntimeError if the site refuses one."""
    client = HTTPConnection("127.0.0.1", side.site_port, timeout=_TIMEOUT_S)
    try:
        return [_sign_in(client, side.crowd.names[number]) for number in range(SIGNING_IN)]
    finally:
        client.close()


def _sign_in(client: HTTPConnection, name: str) -> str:
    csrf, _ = _ask(client, "GET", {})
    token = csrf[interfaces.CSRF_COOKIE].value
    form = {"login": name, "password": PASSWORD, "csrfmiddlewaretoken": token}
    headers = {
        "Cookie": f"{interfaces.CSRF_COOKIE}={token}",
        "Content-Type": "application/x-www-form-urlencoded",
        "Origin": f"http://{client.host}:{client.port}",
    }
    cookies, status = _ask(client, "POST", headers, urlencode(form))
    if interfaces.SESSION_COOKIE not in cookies:
        raise RuntimeError(f"{name} could not sign in: {interfaces.LOGIN} answered {status}")
    return f"{interfaces.SESSION_COOKIE}={cookies[interfaces.SESSION_COOKIE].value}"


def _ask(
    client: HTTPConnection, method: str, headers: dict[str, str], body: str | None = None
) -> tuple[SimpleCookie, int]:
    client.request(method, interfaces.LOGIN, body=body, headers=headers)
    answer = client.getresponse()
    answer.read()
    cookies = SimpleCookie()
    for line in answer.headers.get_all("Set-Cookie") or []:
        cookies.load(line)
    return cookies, answer.status
