"""Rare errors have the same shape as all others, and reveal no internals."""

import json
import logging
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from django.test import override_settings

from kit.http.pages import TimeZoneMiddleware
from tests.api.client import Api, Person, assert_problem
from wallets.api.problems import STATUS
from wallets.domain.errors import CATALOGUE, ErrorCode
from wallets.gateway import wallet_gateway


def failing(error: Exception) -> Any:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def test_every_code_of_the_catalogue_has_a_status() -> None:
    assert set(STATUS) == set(ErrorCode) == set(CATALOGUE)


@pytest.mark.parametrize(
    "path",
    [
        "/api/",
        "/api/v1",
        "/api/v1/",
        "/api/v1/nothing",
        "/api/v1/me/",
        "/api/v3/me",
        "/api/v1/wallets/0",
        "/api/v1/wallets/-1",
        "/api/v1/wallets/abc",
        "/api/v1/wallets/1.5",
        "/api/v1/wallets/٣",
        "/api/v1/wallets/1%00",
        "/api/v1/wallets/1%0A",
        "/api/v1/wallets/%FF",
        "/api/v1/wallets/9223372036854775808",
        "/api/v1/transactions/99999999999999999999999999",
        "/api/v1/wallets/../../admin",
    ],
)
def test_an_unknown_url_is_not_found(alice: Person, path: str) -> None:
    assert_problem(alice.api.get(path), "not_found", 404)
    assert_problem(alice.api.post(path), "not_found", 404)


@pytest.mark.parametrize("number", [9223372036854775807, 840, 1])
def test_an_unknown_id_is_not_found(alice: Person, number: int) -> None:
    assert_problem(alice.api.get(f"/wallets/{number}"), "not_found", 404)
    assert_problem(alice.api.get(f"/transactions/{number}"), "not_found", 404)
    assert_problem(alice.api.post(f"/wallets/{number}/deposits", {"amount": 1}), "not_found", 404)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_another_method_is_refused_and_the_allowed_ones_are_named(alice: Person, method: str) -> None:
    response = alice.api.other(method, "/wallets")

    assert_problem(response, "method_not_allowed", 405)
    assert response["Allow"] == "GET, HEAD, POST"


def test_get_is_refused_by_an_operation_that_only_has_post(alice: Person) -> None:
    assert_problem(alice.api.get("/transfers"), "method_not_allowed", 405)
    assert_problem(Api().get("/auth/login"), "method_not_allowed", 405)
    assert_problem(Api().post("/api/docs"), "method_not_allowed", 405)
    assert_problem(Api().post("/api/schema"), "method_not_allowed", 405)
    assert_problem(Api().post("/api/errors"), "method_not_allowed", 405)


def test_head_answers_like_get_without_a_body(alice: Person) -> None:
    response = alice.api.other("HEAD", "/me")

    assert response.status_code == 200
    assert response.content == b""


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/png", "nonsense"])
def test_a_client_that_accepts_no_json_gets_not_acceptable_in_json(alice: Person, accept: str) -> None:
    assert_problem(alice.api.get("/me", Accept=accept), "not_acceptable", 406)


@pytest.mark.parametrize("accept", ["*/*", "application/*", "application/json;q=0.5, text/html"])
def test_a_client_that_accepts_json_gets_it(alice: Person, accept: str) -> None:
    assert alice.api.get("/me", Accept=accept).status_code == 200


@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("closed")])
def test_without_a_database_the_answer_is_503_with_retry_after(
    alice: Person, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(wallet_gateway(), "wallet_view_list", failing(error))

    response = alice.api.get("/wallets")

    problem = assert_problem(response, "unavailable", 503)
    assert problem["retryable"] is True
    assert response["Retry-After"] == "5"


def test_without_a_database_authentication_answers_503_and_not_401(
    anybody: Api, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wallets.api.authentication.token_find", failing(OperationalError("gone")))

    assert_problem(Api(token="0" * 64).get("/me"), "unavailable", 503)


def test_an_unexpected_error_is_logged_and_not_disclosed(
    alice: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(wallet_gateway(), "wallet_view_list", failing(RuntimeError("secret insides")))

    with caplog.at_level(logging.ERROR):
        response = alice.api.get("/wallets")

    assert_problem(response, "internal_error", 500)
    assert b"secret insides" not in response.content
    assert "secret insides" in caplog.text
    assert "Traceback" in caplog.text


def test_an_error_outside_the_views_has_the_same_shape(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    alice.api.client.raise_request_exception = False
    monkeypatch.setattr(TimeZoneMiddleware, "__call__", failing(RuntimeError("secret insides")))

    response = alice.api.get("/me")

    assert_problem(response, "internal_error", 500)
    assert b"secret insides" not in response.content


def test_a_database_that_fails_outside_the_views_is_unavailable_too(
    alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice.api.client.raise_request_exception = False
    monkeypatch.setattr(TimeZoneMiddleware, "__call__", failing(OperationalError("gone")))

    response = alice.api.get("/me")

    assert_problem(response, "unavailable", 503)
    assert response["Retry-After"] == "5"


def test_an_unknown_host_is_refused_in_the_same_shape(alice: Person) -> None:
    response = alice.api.get("/me", Host="evil.example")

    assert_problem(response, "malformed", 400)


@override_settings(DEBUG=True)
def test_debug_mode_does_not_change_the_shape(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wallet_gateway(), "wallet_view_list", failing(RuntimeError("secret insides")))

    assert_problem(alice.api.get("/wallets"), "internal_error", 500)
    assert_problem(alice.api.get("/nothing"), "not_found", 404)


def test_every_error_says_that_it_must_not_be_stored(alice: Person) -> None:
    assert alice.api.get("/wallets/5000")["Cache-Control"] == "no-store"
    assert alice.api.get("/me")["Cache-Control"] == "private, no-cache"


def test_the_type_of_a_problem_links_to_its_line_in_the_list_of_errors(alice: Person) -> None:
    type_ = json.loads(alice.api.get("/wallets/5000").content)["type"]
    path, _, anchor = type_.partition("#")

    page = Api().get(path)

    assert page.status_code == 200
    assert f'id="{anchor}"' in page.content.decode()


def test_the_list_of_errors_has_the_whole_catalogue() -> None:
    page = Api().get("/api/errors").content.decode()

    for code in ErrorCode:
        assert f'id="{code}"' in page
        assert CATALOGUE[code].title in page
