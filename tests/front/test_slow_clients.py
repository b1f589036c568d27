"""Clients that send or read slowly, or not at all, keep nobody else out."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from kit.server.worker import REQUEST_TIMEOUT_S, SEND_TIMEOUT_S
from tests.front.site import Site, connect, exchange, get, read_all, request, status, status_of, took_s
from tests.settlement.waiting import wait_until

pytestmark = pytest.mark.long

HALF_A_HEAD = b"GET /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nX-"
HALF_A_BODY = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"
CHUNKS = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"
TOO_LARGE = b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\nx"
#: Larger than what the kernel keeps for a client that does not read.
LARGE_FILE = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"


@pytest.fixture
def crowd() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("beginning", [b"", b"G", HALF_A_HEAD, HALF_A_BODY, CHUNKS, TOO_LARGE])
def test_64_unfinished_requests_stop_nobody(site: Site, crowd: ExitStack, beginning: bytes) -> None:
    for _ in range(64):
        client = crowd.enter_context(connect(site.port))
        client.sendall(beginning)
    assert took_s(site.port, "/accounts/login/") < 5
    assert took_s(site.internal_port, "/livez") < 1


@pytest.mark.parametrize("beginning", [HALF_A_HEAD, HALF_A_BODY])
def test_an_unfinished_request_ends_with_408_even_if_a_byte_a_second_arrives(site: Site, beginning: bytes) -> None:
    started_s = time.monotonic()
    with connect(site.port) as client:
        client.sendall(beginning)
        client.settimeout(1)
        answer = b""
        while not answer and time.monotonic() - started_s < REQUEST_TIMEOUT_S + 5:
            try:
                answer = client.recv(1_000)
            except TimeoutError:
                client.sendall(b"x")
    assert status(answer) == 408
    assert REQUEST_TIMEOUT_S - 1 < time.monotonic() - started_s < REQUEST_TIMEOUT_S + 3


def test_a_connection_without_a_request_is_closed_without_an_answer(site: Site) -> None:
    with connect(site.port) as client:
        assert read_all(client) == b""


def test_more_connections_than_fit_make_room_for_each_other(site: Site, crowd: ExitStack) -> None:
    for _ in range(600):
        crowd.enter_context(connect(site.port))
    assert took_s(site.port, "/accounts/login/") < 5


def test_clients_that_do_not_read_their_answers_lose_them(site: Site, crowd: ExitStack) -> None:
    for _ in range(8):
        client = socket.socket()
        crowd.enter_context(client)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.connect(("127.0.0.1", site.port))
        # Several, because the kernel may keep one.
        client.sendall(get(LARGE_FILE).replace(b"Connection: close\r\n", b"") * 8)
    assert took_s(site.internal_port, "/livez") < 1
    wait_until(
        lambda: status_of(site.port, "/accounts/login/") == 200,
        what="the site answers again",
        timeout_s=3 * SEND_TIMEOUT_S,
    )


def test_a_client_that_waits_for_a_sign_to_continue_gets_it_once(site: Site) -> None:
    body = b'{"username": "nobody", "password": "nothing"}'
    with connect(site.port) as client:
        head = ["Content-Type: application/json", "Expect: 100-continue", f"Content-Length: {len(body)}"]
        client.sendall(request("POST", "/api/v1/auth/login", *head))
        assert client.recv(1_000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert status(read_all(client)) == 401


def test_a_body_that_is_too_large_is_refused_before_the_client_sends_it(site: Site) -> None:
    head = ["Content-Type: application/json", "Expect: 100-continue", "Content-Length: 1048577"]
    answer = exchange(site.port, request("POST", "/api/v1/auth/login", *head))
    assert status(answer) == 413
    assert b"payload_too_large" in answer


def test_a_client_that_sends_it_all_the_same_can_read_the_refusal(site: Site) -> None:
    answer = exchange(site.port, request("POST", "/accounts/login/", body=b"x" * 2_000_000)[:1_080_000])
    assert status(answer) == 413


def test_requests_that_arrive_together_are_all_answered_in_order(site: Site) -> None:
    both = get("/accounts/login/").replace(b"Connection: close\r\n", b"") + get("/accounts/nothing/")
    answers = exchange(site.port, both)
    assert status(answers) == 200
    assert b"HTTP/1.1 404" in answers


def test_a_connection_carries_several_requests(site: Site) -> None:
    with connect(site.port) as client:
        for _ in range(3):
            client.sendall(b"HEAD /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert status(client.recv(10_000)) == 200


def test_it_stops_in_time_while_requests_are_unfinished(tmp_path_factory: pytest.TempPathFactory, db: None) -> None:
    site = Site(log=tmp_path_factory.mktemp("site") / "site.log").wait_until_up()
    with connect(site.port) as idle, connect(site.port) as half:
        half.sendall(HALF_A_BODY)
        idle.sendall(b"HEAD /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert status(idle.recv(10_000)) == 200
        started_s = time.monotonic()
        site.terminate()
    assert time.monotonic() - started_s < REQUEST_TIMEOUT_S + 10
    assert "Traceback" not in site.output()
