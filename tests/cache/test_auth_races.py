"""Races between what lets somebody in, a token or a session, and a change that ends it."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import TypeVar

import pytest
from allauth.account.adapter import get_adapter
from django.contrib.sessions.backends.base import UpdateError
from django.db import connections, transaction
from django.test import Client

from tests.cache.readers import no_queries
from tests.concurrency.waiting import backend_pid, waited_for
from tests.pages.kit import reauthenticated
from tests.people import PASSWORD
from wallets.auth.access import token_find
from wallets.auth.sessions.devices import sessions_end_others
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import ApiToken, User
from wallets.models.sessions import BrowserSession
from wallets.services import user_fence
from wallets.tokens.services import token_issue, token_revoke

T = TypeVar("T")
pytestmark = pytest.mark.usefixtures("trusted_cache")


def in_a_thread(work: Callable[[], T]) -> "Future[T]":
    def run() -> T:
        try:
            return work()
        finally:
            connections.close_all()

    pool = ThreadPoolExecutor(max_workers=1)
    done = pool.submit(run)
    pool.shutdown(wait=False)
    return done


def password_change(user_id: int) -> None:
    get_adapter().set_password(User.objects.get(pk=user_id), "a completely different horse")


def test_a_token_issued_during_a_deactivation_waits_for_the_commit_and_is_refused(alice: User) -> None:
    def issued() -> str:
        token = ApiToken.objects.create(user=alice, scopes=["read"])[0]  # type: ignore[no-untyped-call]
        token_find(digest=token.digest)
        return str(token.digest)

    with transaction.atomic():
        User.objects.filter(pk=alice.pk).update(is_active=False)
        user_fence(user_id=alice.pk)
        token = in_a_thread(issued)
        waited_for(backend_pid())

    assert token_find(digest=token.result(20)) is None


def test_a_password_change_also_ends_a_token_that_is_being_issued(alice: User) -> None:
    with transaction.atomic():
        token_issue(user=alice, name="")
        changed = in_a_thread(lambda: password_change(alice.pk))
        waited_for(backend_pid())
    changed.result(20)

    assert not ApiToken.objects.exists()


def test_a_browser_that_asks_for_a_token_during_a_password_change_has_to_log_in_again(alice: User) -> None:
    browser = Client()
    browser.force_login(alice)
    reauthenticated(browser)
    with transaction.atomic():
        password_change(alice.pk)
        asked = in_a_thread(lambda: browser.post("/tokens/", {"name": "phone", "scope": "read", "valid_days": "1"}))
        waited_for(backend_pid())
    answer = asked.result(20)

    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/tokens/")
    assert not ApiToken.objects.exists()


def test_of_two_calls_that_revoke_a_token_the_second_finds_none(alice: User) -> None:
    token, _ = token_issue(user=alice, name="")
    with transaction.atomic():
        token_revoke(user=alice, digest=token.digest)
        second = in_a_thread(lambda: token_revoke(user=alice, digest=token.digest))
        waited_for(backend_pid())

    with pytest.raises(WalletError) as refusal:
        second.result(20)
    assert refusal.value.code == ErrorCode.NOT_FOUND


def test_a_user_who_signed_in_with_the_old_password_gets_no_token_after_a_change(alice: User) -> None:
    knew_it = User.objects.get(pk=alice.pk)
    password_change(alice.pk)

    with pytest.raises(WalletError) as refusal:
        token_issue(user=knew_it, name="")
    assert refusal.value.code == ErrorCode.NOT_AUTHENTICATED
    assert not ApiToken.objects.exists()


@pytest.fixture
def thief(alice: User) -> Client:
    """Another browser in which Alice's account is logged in."""
    client = Client()
    client.force_login(alice)
    return client


def others_end(alice: User) -> int:
    return sessions_end_others(user=alice, current=None)


def test_a_request_that_stores_its_session_while_that_is_ended_does_not_bring_it_back(
    alice: User, thief: Client
) -> None:
    session = thief.session
    session["draft"] = "x"
    with transaction.atomic():
        others_end(alice)
        stored = in_a_thread(session.save)
        waited_for(backend_pid())

    with pytest.raises(UpdateError):
        stored.result(20)
    assert not BrowserSession.objects.exists()
    assert thief.get("/settings/").status_code == 302


def test_a_session_that_gets_a_new_key_while_it_is_ended_does_not_come_back(alice: User, thief: Client) -> None:
    with transaction.atomic():
        others_end(alice)
        confirmed = in_a_thread(lambda: thief.post("/accounts/reauthenticate/", {"password": PASSWORD}))
        waited_for(backend_pid())

    assert confirmed.result(20).status_code == 400
    assert not BrowserSession.objects.exists()
    assert thief.get("/settings/").status_code == 302


def test_a_session_that_is_ended_while_it_gets_a_new_key_does_not_escape(alice: User, thief: Client) -> None:
    session = thief.session
    with transaction.atomic():
        session.cycle_key()
        ended = in_a_thread(lambda: others_end(alice))
        waited_for(backend_pid())

    assert ended.result(20) == 1
    assert not BrowserSession.objects.exists()
    thief.cookies["sessionid"] = session.session_key or ""
    assert thief.get("/settings/").status_code == 302


def test_of_many_requests_none_is_answered_after_its_session_was_ended(alice: User, thief: Client) -> None:
    """Reads come from the cache, which the deletion fences."""
    assert thief.get("/api/v1/wallets").status_code == 200
    with no_queries():
        assert thief.get("/api/v1/wallets").status_code == 200
    is_over = Event()
    late: list[int] = []

    def reading() -> int:
        count = 0
        while count < 200 and not late:
            was_over = is_over.is_set()
            status = thief.get("/api/v1/wallets").status_code
            late.extend([status] if was_over and status == 200 else [])
            count += 1
            if was_over and status != 200:
                break
        return count

    readers = [in_a_thread(reading) for _ in range(3)]
    others_end(alice)
    is_over.set()

    assert all(reader.result(20) for reader in readers)
    assert not late
