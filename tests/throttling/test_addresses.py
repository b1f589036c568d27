"""No header can forge the client's address, and all limits use the same one."""

import socket
from urllib.parse import urlsplit

import pytest
from allauth.account.adapter import get_adapter
from allauth.core.internal import ratelimit as allauth_limits
from django.http import HttpResponse
from django.test import RequestFactory
from django_ratelimit import core as django_ratelimit
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from kit.limits.addresses import UNKNOWN, client_address, client_network
from tests.api.client import Api

PEER = "192.0.2.1"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        # Without a proxy of ours, anyone can have written the header.
        (0, "203.0.113.9", PEER),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (1, " 203.0.113.9 ", "203.0.113.9"),
        (2, "203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        # The request did not pass both proxies.
        (2, "203.0.113.9", PEER),
        (1, "", PEER),
        (1, None, PEER),
        # An unreadable entry does not make the entry before it trustworthy.
        (1, "6.6.6.6, unknown", PEER),
        (1, "6.6.6.6,", PEER),
        (1, "203.0.113.9, _hidden", PEER),
        (1, "203.0.113.999", PEER),
        (1, "\x00", PEER),
        (1, "203.0.113.9 6.6.6.6", PEER),
        # Ports, brackets, zones, and IPv4 addresses mapped to IPv6.
        (1, "203.0.113.9:4711", "203.0.113.9"),
        (1, "2001:db8::9", "2001:db8::9"),
        (1, "[2001:db8::9]:4711", "2001:db8::9"),
        (1, "[2001:db8::9]", "2001:db8::9"),
        (1, "fe80::9%eth0", "fe80::9"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
        (1, "[::ffff:203.0.113.9]:4711", "203.0.113.9"),
    ],
)
def test_it_believes_an_address_only_from_our_own_proxies(
    settings: Settings, rf: RequestFactory, proxies: int, forwarded: str | None, expected: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}

    assert client_address(rf.get("/", REMOTE_ADDR=PEER, headers=headers)) == expected


@pytest.mark.parametrize("peer", ["", "unix:", "@", "no address"])
def test_clients_without_an_address_share_one_bucket(rf: RequestFactory, peer: str) -> None:
    assert client_network(rf.get("/", REMOTE_ADDR=peer)) == UNKNOWN


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_the_whole_network_of_an_ipv6_customer_counts_as_one(
    rf: RequestFactory, one: str, other: str, same: bool
) -> None:
    networks = {client_network(rf.get("/", REMOTE_ADDR=address)) for address in (one, other)}
    assert (len(networks) == 1) == same


@pytest.mark.parametrize("peer", [PEER, "2001:db8:0:1::9", ""])
@pytest.mark.parametrize("forwarded", ["203.0.113.9:4711", "2001:db8:0:7::9", "rubbish", ""])
def test_allauth_and_django_ratelimit_see_the_same_address(
    settings: Settings, rf: RequestFactory, peer: str, forwarded: str
) -> None:
    settings.TRUSTED_PROXIES = 1
    request = rf.get("/", REMOTE_ADDR=peer, headers={"X-Forwarded-For": forwarded})

    assert get_adapter().get_client_ip(request) == client_address(request)
    assert allauth_limits.get_ip(request) == client_network(request)
    assert django_ratelimit._get_ip(request) == client_network(request)


def knock(**extra: str) -> HttpResponse:
    api = Api()
    api.client.defaults.update(extra)
    return api.get("/me")


@pytest.mark.usefixtures("one_of_each")
def test_rotating_ports_and_forwarded_addresses_gains_nothing(db: None) -> None:
    assert knock().status_code == 401

    for number in range(5):
        forged = {"HTTP_X_FORWARDED_FOR": f"203.0.113.{number}", "REMOTE_PORT": str(50_000 + number)}
        assert knock(**forged).status_code == 429


@pytest.mark.usefixtures("one_of_each")
def test_behind_our_proxy_entries_that_a_client_adds_gain_nothing(db: None, settings: Settings) -> None:
    settings.TRUSTED_PROXIES = 1
    assert knock(HTTP_X_FORWARDED_FOR="203.0.113.9:1111").status_code == 401

    for number in range(5):
        forged = f"198.51.100.{number}, 203.0.113.9:{2_000 + number}"
        assert knock(HTTP_X_FORWARDED_FOR=forged).status_code == 429
    assert knock(HTTP_X_FORWARDED_FOR="203.0.113.10").status_code == 401


@pytest.mark.usefixtures("one_of_each")
def test_an_ipv6_customer_gains_nothing_by_changing_address(db: None) -> None:
    assert knock(REMOTE_ADDR="2001:db8:0:1::1").status_code == 401

    assert knock(REMOTE_ADDR="2001:db8:0:1::2").status_code == 429
    assert knock(REMOTE_ADDR="2001:db8:0:2::1").status_code == 401


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("one_of_each")
@pytest.mark.parametrize("header", ["X-Forwarded-For", "x-forwarded-for"])
def test_a_second_header_line_gains_nothing_over_a_real_socket(
    live_server: LiveServer, settings: Settings, header: str
) -> None:
    """The client's own header line and the proxy's arrive as one header with two entries."""
    settings.TRUSTED_PROXIES = 1

    statuses = [_status(live_server, header, f"198.51.100.{number}", "203.0.113.9") for number in range(3)]

    assert statuses == [401, 429, 429]


def _status(live_server: LiveServer, header: str, *entries: str) -> int:
    url = urlsplit(live_server.url)
    lines = ["GET /api/v1/me HTTP/1.0", f"Host: {url.netloc}", *(f"{header}: {entry}" for entry in entries)]
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return int(connection.makefile("rb").readline().split()[1])
