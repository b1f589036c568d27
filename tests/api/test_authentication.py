"""Authentication by tokens and sessions, and the answers to requests without valid credentials."""

import pytest
from django.test import Client

from tests.api.client import Api, Person, api_client, assert_problem, json_of
from tests.pages.kit import fresh
from wallets.models import ApiToken


def browser(someone: Person) -> Api:
    """A browser with this user's session and a CSRF cookie."""
    client = api_client()
    client.force_login(someone.user)
    fresh(client, someone.user)
    client.get("/accounts/password/change/")
    return Api(client=client)


def csrf_token(api: Api) -> str:
    return api.client.cookies["csrftoken"].value


@pytest.mark.django_db
def test_an_anonymous_request_is_answered_with_not_authenticated(anybody: Api) -> None:
    response = anybody.get("/me")

    assert_problem(response, "not_authenticated", 401)
    assert response["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Bearer two words",
        "bearer wrong",
        "Bearer " + "f" * 64,
        "Bearer " + "x" * 7_000,
        "Bearer \xff\xfe\x80",
        "Bearer \x00",
        "Bearer null",
        "Basic YWxpY2U6cGFzc3dvcmQ=",
        "Token abc",
        "\xff",
    ],
)
def test_a_header_without_a_valid_token_is_refused(alice: Person, header: str) -> None:
    response = Api().get("/me", Authorization=header)

    assert_problem(response, "not_authenticated", 401)
    assert response["WWW-Authenticate"] == "Bearer"


def test_a_part_of_a_token_is_refused(alice: Person) -> None:
    assert alice.api.token is not None
    assert_problem(Api(token=alice.api.token[:-1]).get("/me"), "not_authenticated", 401)
    assert_problem(Api(token=alice.api.token + "0").get("/me"), "not_authenticated", 401)


def test_the_stored_digest_of_a_token_is_refused_as_a_token(alice: Person) -> None:
    assert_problem(Api(token=ApiToken.objects.get(user=alice.user).digest).get("/me"), "not_authenticated", 401)


def test_the_scheme_may_be_written_in_any_case(alice: Person) -> None:
    assert Api().get("/me", Authorization=f"bEARER {alice.api.token}").status_code == 200


def test_a_bad_token_is_refused_even_beside_a_good_session(alice: Person) -> None:
    assert_problem(browser(alice).get("/me", Authorization="Bearer wrong"), "not_authenticated", 401)


def test_a_browser_session_may_read(alice: Person) -> None:
    assert json_of(browser(alice).get("/me"))["username"] == "alice"


def test_a_browser_session_moves_money_only_with_its_csrf_token(alice: Person) -> None:
    alice.deposit(500)
    session = browser(alice)
    withdrawal = f"{alice.wallet_path}/withdrawals"

    assert_problem(session.post(withdrawal, {"amount": 200}), "csrf_failed", 403)
    assert_problem(session.post(withdrawal, {"amount": 200}, X_CSRFToken="wrong"), "csrf_failed", 403)
    assert alice.balance() == 500

    assert session.post(withdrawal, {"amount": 200}, X_CSRFToken=csrf_token(session)).status_code == 201
    assert alice.balance() == 300


def test_a_form_from_another_site_moves_no_money(alice: Person) -> None:
    session = browser(alice)

    response = session.send(
        f"{alice.wallet_path}/deposits", b"amount=5", content_type="application/x-www-form-urlencoded"
    )

    assert_problem(response, "unsupported_media_type", 415)
    assert alice.balance() == 0


def test_a_token_needs_no_csrf_token(alice: Person) -> None:
    assert alice.api.post(f"{alice.wallet_path}/deposits", {"amount": 5}).status_code == 201


def test_logging_out_in_a_browser_ends_the_session(alice: Person) -> None:
    session = browser(alice)

    assert_problem(session.post("/auth/logout"), "csrf_failed", 403)
    assert session.post("/auth/logout", X_CSRFToken=csrf_token(session)).status_code == 204
    assert_problem(session.get("/me"), "not_authenticated", 401)


@pytest.mark.django_db
def test_every_operation_needs_a_token_or_a_session(client: Client) -> None:
    for path in ("/me", "/wallets", "/wallets/1000", "/wallets/1000/transactions", "/transactions", "/transactions/5"):
        assert_problem(Api(client=client).get(path), "not_authenticated", 401)
    for path in ("/wallets", "/wallets/1000/deposits", "/wallets/1000/withdrawals", "/transfers", "/auth/logout"):
        assert_problem(Api(client=client).post(path), "not_authenticated", 401)
