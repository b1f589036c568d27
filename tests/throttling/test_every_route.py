"""Every API route and every form has a limit."""

from collections import Counter

import pytest
from django.test import Client

from kit.limits.forms import FORM_DEFAULT, form_limits
from tests.api.client import Api, assert_problem, person
from tests.staff import browser_of, superuser_create
from tests.throttling.headers import left, policies
from tests.throttling.routes import Route, api_routes, methods, page_routes
from transactions.limits import BULK, MONEY
from wallets.limits import READ
from wallets.models import User

API_CALLS = [(route, method) for route in api_routes() for method in methods(route)]
#: All pages that might accept a form.
FORMS = [route for route in page_routes() if not route.name.startswith("admin:")]


def call(api: Api, route: Route, method: str) -> int:
    return (api.get(route.path) if method == "get" else api.post(route.path)).status_code


def name_of(value: object) -> str:
    return str(value)


@pytest.mark.parametrize(("route", "method"), API_CALLS, ids=name_of)
@pytest.mark.usefixtures("one_of_each")
def test_it_refuses_an_operation_that_comes_too_often(alice: User, route: Route, method: str) -> None:
    api = person(alice).api
    assert call(api, route, method) != 429

    again = api.get(route.path) if method == "get" else api.post(route.path)

    # Logging out ends the token, so the second request counts as anonymous.
    if route.name != "v1_logout":
        assert_problem(again, "rate_limited", 429)
    assert policies(again).keys() >= left(again).keys() > set()


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "DELETE", "BREW"])
@pytest.mark.usefixtures("one_of_each")
def test_it_counts_every_method_even_those_that_the_route_does_not_allow(alice: User, method: str) -> None:
    api = person(alice).api
    assert api.other(method, "/me").status_code in {200, 405}

    assert api.other(method, "/me").status_code == 429


@pytest.mark.parametrize(("route", "method"), API_CALLS, ids=name_of)
@pytest.mark.usefixtures("one_of_each")
def test_it_refuses_an_anonymous_client_that_comes_too_often(db: None, route: Route, method: str) -> None:
    anonymous = Api(token="made-up")
    assert call(anonymous, route, method) != 429
    assert call(anonymous, route, method) == 429


@pytest.mark.parametrize("route", FORMS, ids=name_of)
@pytest.mark.usefixtures("one_of_each", "one_window")
def test_it_refuses_a_form_that_comes_too_often(alice: User, route: Route) -> None:
    client = Client()
    # The sign-in pages redirect people who are already signed in.
    if not route.name.startswith(("account_", "mfa_authenticate")):
        client.force_login(alice)
    form = {"draft": "made up", "login": "alice", "email": "alice@example.com", "username": "alice"}
    assert client.post(route.path, form).status_code != 429

    # Reviewing a transfer that was never entered redirects to the form and is not counted.
    if route.name != "money_send_review":
        assert client.post(route.path, form).status_code == 429
    assert client.get(route.path).status_code != 429


@pytest.mark.usefixtures("one_of_each", "one_window")
def test_it_counts_the_forms_of_the_admin_too(db: None) -> None:
    superuser = browser_of(superuser_create())
    assert superuser.post("/admin/wallets/user/1/change/").status_code != 429
    assert superuser.post("/admin/wallets/user/1/change/").status_code == 429


def test_every_form_in_the_tables_exists() -> None:
    assert form_limits().keys() <= {route.name for route in page_routes()}


def test_every_policy_has_a_unique_name_and_room_for_at_least_one_request() -> None:
    costs = [cost for route in api_routes() for cost in (*route.view.reads, *route.view.writes)]
    forms = [policy for limit in (*form_limits().values(), FORM_DEFAULT) for policy in limit.policies]
    policies = {*(cost.policy for cost in costs), *forms}

    assert not [name for name, count in Counter(policy.name for policy in policies).items() if count > 1]
    assert all(0 < cost.units <= cost.policy.quota for cost in costs)


def test_moving_money_has_a_bucket_of_its_own_that_is_smaller_than_that_for_reads() -> None:
    views = {route.name: route.view for route in api_routes()}
    moving = ("v1_deposits", "v1_withdrawals", "v1_transfers", "v2_transfers")

    assert {cost for name in moving for cost in views[name].writes} == {MONEY}
    assert MONEY.policy.quota < READ.policy.quota
    assert views["v2_transfers_bulk"].writes == (BULK,)
    assert views["v1_history"].reads[0].units > views["v1_wallet"].reads[0].units
