"""Limits on guessing: per name and per address, with Redis and without."""

from collections.abc import Iterator

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from pytest_django import Settings
from rest_framework.request import Request

from tests.api.client import Api, Person, assert_problem
from tests.conftest import PASSWORD
from wallets.api import throttles

NAME_BURST = 20
ADDRESS_BURST = 60


@pytest.fixture(autouse=True)
def _limits(settings: Settings) -> None:
    settings.THROTTLE_ENABLED = True


@pytest.fixture
def without_redis(settings: Settings) -> Iterator[None]:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    yield
    throttles._memory._backend.get_client().clear()


def guess(name: str, address: str = "192.0.2.1", password: str = "wrong") -> HttpResponse:
    api = Api()
    api.client.defaults["REMOTE_ADDR"] = address
    return api.post("/auth/login", {"username": name, "password": password})


def heard(responses: Iterator[HttpResponse]) -> int:
    """How many are answered before the first that is limited."""
    for count, response in enumerate(responses):
        if response.status_code == 429:
            return count
    raise AssertionError("Nothing was limited.")


def guesses_at(name: str) -> Iterator[HttpResponse]:
    return (guess(name, address=f"192.0.2.{number}") for number in range(2 * NAME_BURST))


def test_guessing_one_name_is_limited_wherever_it_comes_from(alice: Person, bob: Person) -> None:
    # A refill or two may come while they are made.
    assert NAME_BURST <= heard(guesses_at("alice")) < NAME_BURST + 5

    response = guess("ALICE ", address="198.51.100.7", password=PASSWORD)
    problem = assert_problem(response, "rate_limited", 429)
    assert problem["retryable"] is True
    assert 1 <= int(response["Retry-After"]) <= 6  # the refill of ten a minute: no stranger can lock Alice out for long
    assert guess("bob", password=PASSWORD).status_code == 200


def test_trying_many_names_from_one_address_is_limited(alice: Person) -> None:
    guesses = (guess(f"name{number}") for number in range(2 * ADDRESS_BURST))

    assert heard(guesses) >= ADDRESS_BURST
    assert guess("alice", address="198.51.100.7", password=PASSWORD).status_code == 200


@pytest.mark.usefixtures("without_redis")
def test_without_redis_the_limit_holds_inside_the_process(alice: Person) -> None:
    assert heard(guesses_at("alice")) >= NAME_BURST


def test_opening_accounts_is_limited_by_address(db: None) -> None:
    attempts = (Api().post("/auth/register", {"username": "x"}) for _ in range(2 * ADDRESS_BURST))

    assert heard(attempts) >= ADDRESS_BURST


def test_nothing_is_limited_when_limits_are_off(alice: Person, settings: Settings) -> None:
    settings.THROTTLE_ENABLED = False

    assert {response.status_code for response in guesses_at("alice")} == {401}


@pytest.mark.parametrize("body", [b"[]", b"{", b"{}", b'{"username": 5}', b'{"username": ["alice"]}'])
def test_odd_credentials_are_counted_without_an_error(db: None, body: bytes) -> None:
    assert_problem(Api().send("/auth/login", body), "malformed", 400)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "203.0.113.9", "192.0.2.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (1, "", "192.0.2.1"),
    ],
)
def test_an_address_is_believed_only_from_our_own_proxies(
    settings: Settings, rf: RequestFactory, proxies: int, forwarded: str, expected: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}

    request = Request(rf.get("/", REMOTE_ADDR="192.0.2.1", headers=headers))

    assert throttles.client_address(request) == expected
