"""The error pages."""

from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from django.test import Client

from tests.pages.kit import text_of
from wallets.gateway import wallet_gateway
from wallets.models import User


def test_it_says_that_a_page_does_not_exist(db: None, client: Client) -> None:
    response = client.get("/nowhere/")
    assert response.status_code == 404
    assert "Page not found" in text_of(response)


def test_it_says_that_a_form_was_out_of_date(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    response = client.post("/add/", {"amount": "5"})
    assert response.status_code == 403
    assert "This form is out of date" in text_of(response)


def test_it_shows_an_internal_error_without_the_database(
    alice: User, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    def broken(**_: Any) -> None:
        raise RuntimeError("a mistake")

    client = Client(raise_request_exception=False)
    client.force_login(alice)
    monkeypatch.setattr(wallet_gateway(), "wallet_view_list", broken)
    # The session and the user, before the error; none for the error page.
    with django_assert_num_queries(2):
        response = client.get("/")
    assert response.status_code == 500
    assert "Something went wrong on our side" in text_of(response)


def test_it_answers_503_if_the_database_fails_outside_of_a_view(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a middleware, for example while the session is stored."""

    def gone(*_: object) -> None:
        raise OperationalError("gone")

    client = Client(raise_request_exception=False)
    client.force_login(alice)
    monkeypatch.setattr("kit.http.pages.TimeZoneMiddleware.__call__", gone)
    response = client.get("/")
    assert response.status_code == 503
    assert response["Retry-After"] == "5"


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_it_answers_503_while_the_database_is_away(
    alices: Client, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def gone(**_: Any) -> None:
        raise error("gone")

    monkeypatch.setattr(wallet_gateway(), "wallet_view_list", gone)
    response = alices.get("/")
    assert response.status_code == 503
    assert response["Retry-After"] == "5"
    assert "Wallet is temporarily unavailable" in text_of(response)
