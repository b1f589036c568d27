"""How much of a request has arrived, judged by its bytes."""

import pytest

from kit.server.requests import BODY_BYTES_MAX, HEAD_BYTES_MAX, Arrival, Incoming

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"


@pytest.mark.parametrize("whole", [GET, POST, POST.replace(b"Content-Length: 5", b"content-length:\t5 ")])
def test_a_request_is_whole_at_its_last_byte_however_it_arrives(whole: bytes) -> None:
    incoming = Incoming()
    arrivals = [incoming.add(whole[number : number + 1]) for number in range(len(whole))]
    assert arrivals == [Arrival.PARTIAL] * (len(whole) - 1) + [Arrival.WHOLE]
    assert Incoming().add(whole) is Arrival.WHOLE
    assert incoming.take() == whole
    assert incoming.add(GET) is Arrival.WHOLE


def test_bytes_of_the_next_request_may_follow() -> None:
    assert Incoming().add(POST + GET) is Arrival.WHOLE


@pytest.mark.parametrize(
    "header",
    [
        b"Transfer-Encoding: chunked",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Content-Length: 5\r\nContent-Length: 6",
        b"Content-Length: -1",
        b"Content-Length: +5",
        b"Content-Length: 5, 5",
        b"Content-Length: 0x5",
        b"Content-Length:",
        b"Content-Length: \xb2",
        b"Content-Length: 99999999999999999999",
        b"Content-Length: %d" % (BODY_BYTES_MAX + 1),
    ],
)
def test_nobody_waits_for_a_body_that_is_too_large_or_without_a_clear_end(header: bytes) -> None:
    assert Incoming().add(b"POST / HTTP/1.1\r\n" + header + b"\r\n\r\n") is Arrival.CUT


def test_a_body_of_exactly_a_megabyte_is_awaited() -> None:
    incoming = Incoming()
    head = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % BODY_BYTES_MAX
    assert incoming.add(head + b"x" * (BODY_BYTES_MAX - 1)) is Arrival.PARTIAL
    assert incoming.add(b"x") is Arrival.WHOLE


def test_a_head_that_does_not_end_is_too_large_at_some_point() -> None:
    incoming = Incoming()
    assert incoming.add(b"GET / HTTP/1.1\r\nX: ") is Arrival.PARTIAL
    assert incoming.add(b"x" * HEAD_BYTES_MAX) is Arrival.TOO_LARGE


def test_a_bare_line_feed_goes_to_the_parser_which_refuses_it() -> None:
    assert Incoming().add(b"GET / HTTP/1.1\nHost: x\n\n") is Arrival.CUT


@pytest.mark.parametrize(
    ("head", "wants"),
    [
        (b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", True),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\nexpect:100-Continue\r\n\r\n", True),
        (b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", False),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", False),
        (b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nh", False),
        (b"POST / HTTP/1.1\r\nExpect: 100-continue\r\n", False),
    ],
)
def test_it_knows_whether_the_client_waits_for_a_sign_to_continue(head: bytes, wants: bool) -> None:
    incoming = Incoming()
    assert incoming.add(head) is Arrival.PARTIAL
    assert incoming.wants_continue() is wants
