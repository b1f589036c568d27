"""Logging in over the API is limited per address; guesses at one account are limited in `tests/wallets/`."""

from collections.abc import Iterator

import pytest
from django.http import HttpResponse
from pytest_django import Settings

from tests.api.client import Api, assert_problem
from tests.people import PASSWORD
from wallets.models import User

GUESSES = 10
ADDRESS_QUOTA = 60


def guess(name: str, address: str = "192.0.2.1", password: str = "wrong") -> HttpResponse:
    api = Api()
    api.client.defaults["REMOTE_ADDR"] = address
    return api.post("/auth/login", {"username": name, "password": password})


def admitted(responses: Iterator[HttpResponse]) -> int:
    """The number of answers before the first refusal."""
    for count, response in enumerate(responses):
        if response.status_code == 429:
            return count
    raise AssertionError("Nothing was refused.")


def guesses_at(name: str) -> Iterator[HttpResponse]:
    return (guess(name, address=f"192.0.2.{number}") for number in range(2 * GUESSES))


def test_guessing_one_name_is_limited_from_any_address(alice: User, bob: User) -> None:
    assert admitted(guesses_at("alice")) == GUESSES

    response = guess("ALICE ", address="198.51.100.7", password=PASSWORD)
    assert_problem(response, "rate_limited", 429)
    # One guess flows back every six minutes.
    assert 1 <= int(response["Retry-After"]) <= 360
    assert guess("bob", password=PASSWORD).status_code == 200


def test_trying_many_names_from_one_address_is_limited(alice: User) -> None:
    guesses = (guess(f"name{number}") for number in range(2 * ADDRESS_QUOTA))

    assert admitted(guesses) >= ADDRESS_QUOTA
    assert guess("alice", address="198.51.100.7", password=PASSWORD).status_code == 200


def test_opening_accounts_is_limited_by_address(db: None) -> None:
    attempts = (Api().post("/auth/register", {"username": "x"}) for _ in range(2 * ADDRESS_QUOTA))

    assert admitted(attempts) >= ADDRESS_QUOTA


def test_when_limits_are_off_only_wrong_guesses_are_limited(alice: User, settings: Settings) -> None:
    settings.THROTTLE_ENABLED = False

    assert {guess(f"name{number}").status_code for number in range(2 * ADDRESS_QUOTA)} == {401}
    assert admitted(guesses_at("alice")) == GUESSES


@pytest.mark.parametrize(
    "body", [b"[]", b"{", b"{}", b'{"username": 5}', b'{"username": ["alice"]}', b'{"username": "\\ud800"}']
)
def test_malformed_credentials_are_counted_without_an_error(db: None, body: bytes) -> None:
    response = Api().send("/auth/login", body)

    assert_problem(response, "malformed", 400)
    assert "RateLimit" in response
