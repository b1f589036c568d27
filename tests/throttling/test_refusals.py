"""What a refused request is told, and that it changes nothing."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from pytest_django import Settings

from tests.api.client import Api, Person, assert_problem, json_of, person
from tests.throttling.counters import counted
from tests.throttling.headers import left, policies
from transactions.models import Transaction
from wallets.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def alices(alice: User) -> Person:
    return person(alice)


def until_refused(answers: Iterator[HttpResponse]) -> HttpResponse:
    """The first refusal among the answers."""
    for _, answer in zip(range(100), answers, strict=False):
        if answer.status_code == 429:
            return answer
    raise AssertionError("Nothing was refused.")


def deposit(alices: Person, **headers: str) -> HttpResponse:
    return alices.api.post(f"{alices.wallet_path}/deposits", {"amount": 5}, **headers)


def test_every_answer_says_what_is_allowed_and_what_is_left(alices: Person) -> None:
    answer = alices.api.get("/me")

    assert answer["RateLimit-Policy"] == '"reads";q=3000;w=60'
    assert answer["RateLimit"] == '"reads";r=2999;t=1'
    assert "Retry-After" not in answer


def test_a_not_modified_answer_is_counted_and_says_so_too(alices: Person) -> None:
    etag = alices.api.get(alices.wallet_path)["ETag"]

    answer = alices.api.get(alices.wallet_path, None, If_None_Match=etag)

    assert answer.status_code == 304
    assert left(answer)["reads"]["r"] in {2_998, 2_999}


def test_a_refusal_is_a_problem_document_that_says_when_to_retry(alices: Person, settings: Settings) -> None:
    settings.THROTTLE_SCALE = 0.01
    answer = until_refused(deposit(alices) for _ in range(10))

    problem = assert_problem(answer, "rate_limited", 429)
    assert problem["retryable"] is True
    assert policies(answer) == {"money": {"q": 6, "w": 60}}
    assert left(answer)["money"]["r"] == 0
    # A unit flows in every ten seconds, and the two headers agree.
    assert left(answer)["money"]["t"] == int(answer["Retry-After"])
    assert 5 <= int(answer["Retry-After"]) <= 10


@pytest.mark.usefixtures("one_of_each")
def test_a_refused_request_moves_nothing_and_leaves_its_key_free(alices: Person) -> None:
    deposit(alices)
    refused = deposit(alices, Idempotency_Key="salary")
    assert refused.status_code == 429
    assert (alices.balance(), Transaction.objects.count()) == (5, 1)

    cache.clear()
    later = deposit(alices, Idempotency_Key="salary")

    assert later.status_code == 201
    assert "Idempotent-Replayed" not in later
    assert alices.balance() == 10


@pytest.mark.usefixtures("one_of_each")
def test_accepted_transfers_can_be_read_while_new_ones_are_refused(alices: Person, bob: User) -> None:
    body = {"source": str(alices.wallet.pk), "recipient": "bob", "amount": 5}
    accepted = alices.api.post("/api/v2/transfers", body)
    assert alices.api.post("/api/v2/transfers", body).status_code == 429

    assert alices.api.get(f"/api/v2/transfers/{json_of(accepted)['id']}").status_code == 200


def test_a_retry_with_the_same_key_is_counted_like_any_other(alices: Person, settings: Settings) -> None:
    settings.THROTTLE_SCALE = 0.01

    until_refused(deposit(alices, Idempotency_Key="salary") for _ in range(10))

    assert alices.balance() == 5


def test_the_headers_state_the_limit_that_applies(db: None) -> None:
    answer = Api().post("/auth/login", {"username": "alice", "password": "wrong"})

    assert policies(answer) == {"sign-in-address": {"q": 60, "w": 60}}
    assert left(answer) == {"sign-in-address": {"r": 59, "t": 1}}


@pytest.mark.parametrize(
    ("path", "headers", "code", "status"),
    [
        ("/me", {}, "not_authenticated", 401),
        ("/me", {"Authorization": "Bearer made-up"}, "not_authenticated", 401),
        ("/me", {"Authorization": "Bearer a b"}, "not_authenticated", 401),
        ("/me", {"Accept": "application/xml"}, "not_acceptable", 406),
    ],
)
def test_requests_refused_before_their_own_bucket_count_as_anonymous(
    db: None, path: str, headers: dict[str, str], code: str, status: int
) -> None:
    answer = Api().get(path, None, **headers)

    assert_problem(answer, code, status)
    assert left(answer) == {"strangers": {"r": 299, "t": 1}}


def test_refusing_a_chunked_body_still_costs_a_unit(alices: Person) -> None:
    answer = deposit(alices, Transfer_Encoding="chunked")

    assert answer.status_code == 400
    assert left(answer)["money"]["r"] == 599


def test_guessing_tokens_is_limited_and_does_not_affect_users_with_a_valid_one(
    alices: Person, settings: Settings
) -> None:
    settings.THROTTLE_SCALE = 0.01

    refused = until_refused(Api(token=f"guess{number}").get("/me") for number in range(10))

    assert_problem(refused, "rate_limited", 429)
    assert alices.api.get("/me").status_code == 200


def test_a_browser_without_its_csrf_token_counts_as_anonymous(alice: User) -> None:
    browser = Api()
    browser.client.force_login(alice)

    answer = browser.post("/wallets", {"currency": "EUR"})

    assert_problem(answer, "csrf_failed", 403)
    assert left(answer).keys() == {"strangers"}


def test_without_limits_there_are_no_limit_headers(alices: Person, settings: Settings) -> None:
    settings.THROTTLE_ENABLED = False
    answer = alices.api.get("/me")

    assert not {"RateLimit", "RateLimit-Policy"} & answer.headers.keys()


@pytest.mark.usefixtures("one_of_each")
def test_refusals_are_counted_by_policy(alices: Person) -> None:
    before = counted("wallet_throttled", policy="money")

    for _ in range(3):
        deposit(alices)

    assert counted("wallet_throttled", policy="money") == before + 2


def test_the_schema_documents_the_limits_of_every_operation(db: None) -> None:
    schema: Any = json.loads(Api().get("/api/schema").content)
    operations = [operation for path in schema["paths"].values() for operation in path.values()]

    assert operations
    for operation in operations:
        assert "Retry-After" in operation["responses"]["429"]["headers"], operation["operationId"]
        for response in operation["responses"].values():
            assert {"RateLimit", "RateLimit-Policy"} <= response["headers"].keys(), operation["operationId"]
