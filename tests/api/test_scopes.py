"""What API tokens may do: their scopes, over REST. Every method of every route names the scope that it needs."""

from typing import Any

import pytest

from tests.api.client import Api, Person, assert_problem, json_of
from tests.people import PASSWORD
from tests.throttling.routes import Route, api_routes, methods
from wallets.api.authentication import BearerAuthentication
from wallets.api.base import ApiView
from wallets.api.views import MeView
from wallets.domain.mandates import Ceiling, Scope
from wallets.models import ApiToken, User
from wallets.tokens.services import token_issue

#: The methods that need less than usual: reads need READ, and everything else MOVE_MONEY.
EXCEPTIONS = {("v1_logout", "post"): Scope.READ}
TAKES_TOKENS = [
    (route, method)
    for route in api_routes()
    if BearerAuthentication in route.view.authentication_classes
    for method in methods(route)
]


def usual(method: str) -> Scope:
    return Scope.READ if method == "get" else Scope.MOVE_MONEY


def reader(user: User) -> Api:
    _, secret = token_issue(user=user, name="reader", scopes=[Scope.READ])
    return Api(token=secret)


def test_every_method_that_takes_tokens_names_the_scope_that_it_needs() -> None:
    assert len(TAKES_TOKENS) > 14
    for route, method in TAKES_TOKENS:
        assert issubclass(route.view, ApiView)
        needed = route.view.scopes.get(method.upper())
        assert needed == EXCEPTIONS.get((route.name, method), usual(method)), (route.name, method)


def test_no_route_takes_tokens_but_those_of_the_base_class() -> None:
    for route in api_routes():
        assert issubclass(route.view, ApiView) or not route.view.authentication_classes, route.name


@pytest.mark.django_db
@pytest.mark.parametrize(("route", "method"), TAKES_TOKENS, ids=str)
def test_a_token_that_may_only_read_is_refused_everything_else(alice: Person, route: Route, method: str) -> None:
    api = reader(alice.user)

    response = api.get(route.path) if method == "get" else api.post(route.path)

    if method == "get" or (route.name, method) in EXCEPTIONS:
        assert response.status_code in {200, 204, 400, 404}
        return
    problem = assert_problem(response, "insufficient_scope", 403)
    assert "move_money" in problem["detail"]
    assert response["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="move_money"'


@pytest.mark.django_db
def test_a_method_that_names_no_scope_takes_no_token(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MeView, "scopes", {})

    assert_problem(alice.api.get("/me"), "permission_denied", 403)


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "POST"])
def test_a_method_that_does_not_exist_is_answered_as_before(alice: Person, method: str) -> None:
    assert_problem(reader(alice.user).other(method, "/me"), "method_not_allowed", 405)


@pytest.mark.django_db
def test_a_refused_request_is_counted(alice: Person, settings: Any) -> None:
    settings.THROTTLE_ENABLED = True

    response = reader(alice.user).post("/wallets", {"currency": "EUR"})

    assert response.status_code == 403
    assert response["RateLimit"].startswith('"writes"')


@pytest.mark.django_db
def test_a_browser_needs_no_scope(alice: Person) -> None:
    api = Api()
    api.client.force_login(alice.user)

    assert api.get("/me").status_code == 200


@pytest.mark.django_db
def test_a_token_of_auth_login_has_both_scopes_and_no_ceilings(alice: Person) -> None:
    secret = json_of(Api().post("/auth/login", {"username": "alice", "password": PASSWORD}))["token"]
    answer = json_of(Api(token=secret).get("/auth/token"))

    assert answer["scopes"] == ["read", "move_money"]
    assert answer["ceilings"] == []
    assert answer["name"] == "API login"


@pytest.mark.django_db
def test_a_token_tells_its_scopes_and_ceilings(alice: Person) -> None:
    ceilings = [Ceiling(currency="USD", per_payment=500, per_day=900), Ceiling(currency="EUR", per_payment=7)]
    token, secret = token_issue(user=alice.user, name="Till", ceilings=ceilings)

    answer = json_of(Api(token=secret).get("/auth/token"))

    assert answer["ceilings"] == [
        {"currency": "EUR", "per_payment": 7, "per_day": None, "left_today": None},
        {"currency": "USD", "per_payment": 500, "per_day": 900, "left_today": 900},
    ]
    assert answer["expires_at"] == f"{token.expiry:%Y-%m-%dT%H:%M:%S.%fZ}"
    assert set(answer) == {"name", "scopes", "ceilings", "created_at", "expires_at"}


@pytest.mark.django_db
def test_a_browser_has_no_token_to_tell_about(alice: Person) -> None:
    api = Api()
    api.client.force_login(alice.user)

    assert_problem(api.get("/auth/token"), "not_found", 404)


@pytest.mark.django_db
def test_a_token_may_always_read(alice: Person) -> None:
    token_issue(user=alice.user, name="writer", scopes=[Scope.MOVE_MONEY])

    assert ApiToken.objects.get(name="writer").scopes == ["read", "move_money"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/tokens/", "/settings/", "/accounts/password/change/", "/accounts/email/", "/accounts/2fa/totp/activate/"]
)
def test_no_token_opens_the_pages_that_change_how_its_owner_signs_in(alice: Person, path: str) -> None:
    response = alice.api.client.get(path, headers={"Authorization": f"Bearer {alice.api.token}"})

    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")
