"""When a token was last used: known to the hour, and never at the expense of a request."""

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from tests.api.client import Api, Person, person
from tests.cache.readers import no_queries
from tests.concurrency.crowd import at_once
from tests.database import acting_as
from tests.settlement.waiting import wait_until
from wallet_project.embedded import RUNTIME_ROLE, WEB_ROLE
from wallets.auth import token_uses
from wallets.auth.token_uses import notes_write, token_used
from wallets.models import ApiToken, User
from wallets.tokens.services import token_issue, tokens_revoke_all

pytestmark = pytest.mark.django_db(transaction=True)

#: Before the tests' conftest.py replaces it.
WRITER_START = token_uses._writer_start


@pytest.fixture(autouse=True)
def _nothing_noted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(token_uses, "_writer_start", WRITER_START)
    monkeypatch.setattr(token_uses, "_next_s", {})
    monkeypatch.setattr(token_uses, "_notes", {})
    yield
    wait_until(lambda: token_uses._writer is None, what="the writer has finished")


@pytest.fixture
def token(alice: User) -> ApiToken:
    return token_issue(user=alice, name="Till")[0]


def used(token: ApiToken) -> tuple[object, object]:
    token.refresh_from_db()
    return token.last_used_at, token.last_used_from


def test_a_thread_writes_it_while_the_request_goes_on(alice: User) -> None:
    someone = person(alice)

    assert someone.api.get("/me").status_code == 200

    token = ApiToken.objects.get()
    assert used(token) == (None, None)
    wait_until(lambda: used(token)[0] is not None, what="the use is written")
    assert used(token)[1] == "127.0.0.1"


@pytest.mark.usefixtures("trusted_cache")
def test_a_cached_request_still_takes_no_query_and_the_token_stays_cached(alice: User) -> None:
    someone = person(alice)
    someone.api.get("/wallets")
    notes_write()

    with no_queries():
        assert someone.api.get("/wallets").status_code == 200


@pytest.mark.parametrize("role", [RUNTIME_ROLE, WEB_ROLE])
def test_every_role_may_write_it(token: ApiToken, role: str) -> None:
    token_used(digest=token.digest, address="2001:db8::7")
    with acting_as(role):
        notes_write()

    assert used(token)[1] == "2001:db8::7"


def test_a_process_notes_a_token_once_an_hour(token: ApiToken, monkeypatch: pytest.MonkeyPatch) -> None:
    token_used(digest=token.digest, address="192.0.2.1")
    notes_write()
    ApiToken.objects.update(last_used_at=None, last_used_from=None)

    token_used(digest=token.digest, address="192.0.2.2")
    notes_write()
    assert used(token) == (None, None)

    monkeypatch.setitem(token_uses._next_s, token.digest, time.monotonic() - 1)
    token_used(digest=token.digest, address="192.0.2.3")
    notes_write()
    assert used(token)[1] == "192.0.2.3"


@pytest.mark.parametrize(("ago", "address"), [(59, "192.0.2.1"), (61, "192.0.2.2")])
def test_postgres_writes_once_an_hour_however_many_processes_note_it(token: ApiToken, ago: int, address: str) -> None:
    earlier = timezone.now() - timedelta(minutes=ago)
    ApiToken.objects.update(last_used_at=earlier, last_used_from="192.0.2.1")

    token_used(digest=token.digest, address="192.0.2.2")
    notes_write()

    assert used(token)[1] == address


def test_it_does_not_wait_for_a_token_that_is_being_revoked(alice: User, token: ApiToken) -> None:
    """`at_once` would give up only after a minute."""
    token_used(digest=token.digest, address="192.0.2.1")
    began_s = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT FROM wallets_apitoken FOR UPDATE")
        answers = at_once([notes_write])
        cursor.execute("ROLLBACK")

    assert answers[0].code == "done"
    assert time.monotonic() - began_s < 30
    assert used(token) == (None, None)


def test_a_failure_is_logged_and_reaches_nobody(alice: User, token: ApiToken, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OSError("the database is away")

    token_used(digest=token.digest, address="192.0.2.1")
    with monkeypatch.context() as patch:
        patch.setattr(connection, "cursor", away)
        notes_write()

    # It is noted again in a minute, not with the next request.
    token_used(digest=token.digest, address="192.0.2.2")
    notes_write()
    assert used(token) == (None, None)


def test_an_unknown_token_and_a_revoked_one_are_not_noted(alice: User) -> None:
    Api(token="unknown").get("/me")
    assert token_uses._notes == {}
    someone: Person = person(alice)
    tokens_revoke_all(user=alice)

    assert someone.api.get("/me").status_code == 401
    assert token_uses._notes == {}
