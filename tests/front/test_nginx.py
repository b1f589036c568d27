"""The site behind nginx with the configuration that docker compose uses."""

import gzip
import json
import re
import ssl
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from django.conf import settings

from tests.front.conftest import Person
from tests.front.proxy import FINGERPRINTED, PLAIN_NAME, STYLE, Proxy
from tests.front.site import Site, body_of, connect, exchange, get, read_all, request, status, took_s
from tests.front.test_slow_clients import HALF_A_BODY, HALF_A_HEAD
from tests.rpc.server import free_port
from tests.settlement.waiting import wait_until
from wallets.api.problems import problem_body
from wallets.domain.errors import ErrorCode, WalletError

pytestmark = [pytest.mark.nginx, pytest.mark.slow]


@pytest.fixture(scope="module")
def proxy(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """A site with limits, which trusts one proxy, and nginx in front of it."""
    folder = tmp_path_factory.mktemp("nginx")
    site = Site(log=folder / "site.log", TRUSTED_PROXIES="1", THROTTLE_ENABLED="1", THROTTLE_SCALE="0.1")
    proxy = Proxy(folder, site_port=site.wait_until_up().port)
    try:
        proxy.start()
        yield proxy
    finally:
        proxy.stop()
        site.terminate()


def headers_of(answer: bytes) -> str:
    return answer.partition(b"\r\n\r\n")[0].decode().lower()


def test_nginx_accepts_the_configuration_without_a_warning(proxy: Proxy) -> None:
    said = proxy.check()
    assert "test is successful" in said
    assert "[warn]" not in said
    assert "[emerg]" not in said


def test_pages_come_through(proxy: Proxy, transactional_db: None) -> None:
    answer = exchange(proxy.port, get("/accounts/login/"))
    assert status(answer) == 200
    assert b"Log in" in answer


def test_64_slow_clients_stop_nobody(proxy: Proxy, transactional_db: None) -> None:
    with ExitStack() as stack:
        for beginning in [HALF_A_HEAD, HALF_A_BODY] * 64:
            client = stack.enter_context(connect(proxy.port, source="127.0.0.2"))
            client.sendall(beginning)
        assert took_s(proxy.port, "/accounts/login/") < 5


def test_one_address_cannot_take_all_connections(proxy: Proxy, transactional_db: None) -> None:
    with ExitStack() as stack:
        for _ in range(64):
            client = stack.enter_context(connect(proxy.port, source="127.0.0.3"))
            client.sendall(HALF_A_BODY)

        def is_refused() -> bool:
            with connect(proxy.port, source="127.0.0.3") as one_more:
                one_more.sendall(request("POST", "/accounts/login/", body=b"x"))
                return status(read_all(one_more)) == 429

        # nginx's processes read the 64 heads one after the other.
        wait_until(is_refused, what="the address has as many requests under way as it may", timeout_s=8)
        assert took_s(proxy.port, "/accounts/login/") < 5


def test_forged_addresses_do_not_defeat_a_limit(proxy: Proxy, transactional_db: None) -> None:
    body = b'{"username": "nobody%d", "password": "wrong"}'
    statuses = []
    for number in range(10):
        forged = f"X-Forwarded-For: 198.51.100.{number}"
        sent = request(
            "POST", "/api/v1/auth/login", "Content-Type: application/json", forged, forged, body=body % number
        )
        statuses.append(status(exchange(proxy.port, sent)))
    assert statuses[0] == 401
    assert statuses[-1] == 429


def test_a_repeated_idempotency_key_moves_no_money(proxy: Proxy, person: Person) -> None:
    sent = request(
        "POST",
        f"/api/v1/wallets/{person.wallet.pk}/deposits",
        f"Authorization: Bearer {person.token}",
        "Content-Type: application/json",
        "Idempotency-Key: lunch",
        "Idempotency-Key: lunch",
        body=b'{"amount": 100}',
    )
    answer = exchange(proxy.port, sent)
    assert status(answer) == 400
    assert b"Send this header only once." in answer
    assert person.balance() == 0


def test_a_body_in_chunks_reaches_the_site_with_a_length(proxy: Proxy, person: Person) -> None:
    path = f"/api/v1/wallets/{person.wallet.pk}/deposits"
    head = request(
        "POST", path, f"Authorization: Bearer {person.token}", "Content-Type: application/json",
        "Transfer-Encoding: chunked",
    )  # fmt: skip
    assert status(exchange(proxy.port, head + b'f\r\n{"amount": 100}\r\n0\r\n\r\n')) == 201
    assert person.balance() == 100


def test_a_body_of_more_than_a_megabyte_is_refused(proxy: Proxy) -> None:
    assert status(exchange(proxy.port, request("POST", "/accounts/login/", "Content-Length: 1048577"))) == 413


def test_metrics_stay_inside(proxy: Proxy) -> None:
    answer = exchange(proxy.port, get("/metrics"))
    assert status(answer) == 404
    assert b"nginx" in answer, "nginx does not even ask the site"


@pytest.mark.parametrize("name", [FINGERPRINTED, PLAIN_NAME])
def test_static_files_come_compressed_from_nginx(proxy: Proxy, name: str) -> None:
    packed = exchange(proxy.port, get(name, "Accept-Encoding: gzip"))
    assert "content-encoding: gzip" in headers_of(packed)
    assert "vary: accept-encoding" in headers_of(packed)
    assert "content-type: text/css; charset=utf-8" in headers_of(packed)
    assert gzip.decompress(body_of(packed)) == STYLE
    plain = exchange(proxy.port, get(name))
    assert body_of(plain) == STYLE
    assert ("immutable" in headers_of(plain)) == (name == FINGERPRINTED)


def test_https_is_what_nginx_says_and_not_what_a_client_says(
    django_db_setup: None, transactional_db: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("https")
    site = Site(log=folder / "site.log", TRUSTED_PROXIES="1", HTTPS="1")
    proxy = Proxy(folder, site_port=site.wait_until_up().port)
    try:
        proxy.start()
        redirect = exchange(proxy.port, get("/accounts/login/", "X-Forwarded-Proto: https"))
        assert status(redirect) == 301
        assert "location: https://localhost/accounts/login/" in headers_of(redirect)

        trusting = ssl.create_default_context(cafile=str(folder / "tls" / "certificate.pem"))
        with trusting.wrap_socket(connect(proxy.tls_port), server_hostname="127.0.0.1") as client:
            client.sendall(get("/accounts/login/"))
            page = read_all(client)
        assert status(page) == 200
        assert "strict-transport-security: max-age=31536000" in headers_of(page)
        assert headers_of(page).count("strict-transport-security:") == 1
        assert "set-cookie: __host-csrftoken=" in headers_of(page)
        assert "; secure" in headers_of(page)

        for path in [PLAIN_NAME, "/livez", "/metrics"]:
            with trusting.wrap_socket(connect(proxy.tls_port), server_hostname="127.0.0.1") as client:
                client.sendall(get(path))
                assert headers_of(read_all(client)).count("strict-transport-security: max-age=31536000;") == 1

        trusting.maximum_version = ssl.TLSVersion.TLSv1_2
        # Without authenticated encryption. Python still offers them, and so did nginx's own list.
        trusting.set_ciphers("ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA256")
        with pytest.raises(ssl.SSLError, match=r"(?i)handshake.failure"):
            trusting.wrap_socket(connect(proxy.tls_port), server_hostname="127.0.0.1")
    finally:
        proxy.stop()
        site.terminate()


def test_trace_is_refused(proxy: Proxy, transactional_db: None) -> None:
    for path in ("/", PLAIN_NAME, "/api/v1/me"):
        answer = exchange(proxy.port, request("TRACE", path, "X-Secret: s3cret"))
        assert status(answer) == 405
        assert b"s3cret" not in answer


def test_no_folder_is_listed(proxy: Proxy) -> None:
    answer = exchange(proxy.port, get("/static/css/"))
    assert status(answer) in {403, 404}
    assert b"base.css" not in answer


@pytest.mark.parametrize(
    "path", ["/accounts/login/", "/api/v1/me", "/livez", "/metrics", PLAIN_NAME, "/static/nothing"]
)
def test_every_answer_has_the_headers_that_protect_browsers_once(
    proxy: Proxy, transactional_db: None, path: str
) -> None:
    headers = headers_of(exchange(proxy.port, get(path)))
    assert headers.count("x-content-type-options: nosniff") == 1
    assert headers.count("content-security-policy:") == 1
    assert headers.count("frame-ancestors 'none'") == 1
    assert "strict-transport-security" not in headers, "browsers ignore it without TLS"


@pytest.mark.parametrize("code", [ErrorCode.PAYLOAD_TOO_LARGE, ErrorCode.RATE_LIMITED, ErrorCode.UNAVAILABLE])
def test_nginx_writes_problem_documents_as_the_site_does(code: ErrorCode) -> None:
    text = (settings.BASE_DIR / "deploy" / "nginx" / "locations.conf").read_text()
    problems = {problem["code"]: problem for problem in map(json.loads, re.findall(r"'({.*})'", text))}
    expected = problem_body(WalletError(code))
    assert {**problems[code], "detail": ""} == {**expected, "detail": ""}
    assert f"return {expected['status']} '" in text


def test_nginx_says_when_the_site_is_gone(tmp_path_factory: pytest.TempPathFactory) -> None:
    proxy = Proxy(tmp_path_factory.mktemp("gone"), site_port=free_port())
    try:
        proxy.start()
        answer = exchange(proxy.port, get("/api/v1/me"))
        assert status(answer) == 503
        assert json.loads(body_of(answer))["code"] == "unavailable"
        assert "retry-after: 5" in headers_of(answer)
        page = exchange(proxy.port, get("/"))
        assert status(page) == 503
        assert "content-type: text/html; charset=utf-8" in headers_of(page)
        assert all("frame-ancestors 'none'" in headers_of(one) for one in (answer, page))
    finally:
        proxy.stop()
