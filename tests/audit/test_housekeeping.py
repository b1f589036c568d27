"""Tasks delete expired sessions and tokens, whole guessing budgets and old security events, and keep the others."""

from datetime import timedelta

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone

from wallets.models import ApiToken, User
from wallets.security_models import GuessBudget, SecurityEvent
from wallets.tasks import (
    api_tokens_delete_expired,
    guess_budgets_delete_whole,
    security_events_task,
    sessions_delete_expired,
)
from wallets.token_services import token_issue


@pytest.mark.django_db
def test_expired_sessions_are_deleted() -> None:
    stale, fresh = SessionStore(), SessionStore()
    stale.set_expiry(timezone.now() - timedelta(minutes=1))
    stale.save()
    fresh.save()

    sessions_delete_expired()

    assert [session.session_key for session in Session.objects.all()] == [fresh.session_key]


def test_expired_tokens_are_deleted(alice: User) -> None:
    stale, _ = token_issue(user=alice, name="stale")
    fresh, _ = token_issue(user=alice, name="fresh")
    lasting, _ = token_issue(user=alice, name="lasting")
    ApiToken.objects.filter(pk=stale.pk).update(expiry=timezone.now() - timedelta(minutes=1))
    ApiToken.objects.filter(pk=lasting.pk).update(expiry=None)

    api_tokens_delete_expired()

    assert {token.name for token in ApiToken.objects.all()} == {fresh.name, lasting.name}


@pytest.mark.django_db
def test_guessing_budgets_that_are_whole_again_are_deleted() -> None:
    now = timezone.now()
    GuessBudget.objects.create(key="whole", full_at=now - timedelta(minutes=1))
    GuessBudget.objects.create(key="used", full_at=now + timedelta(minutes=1))

    guess_budgets_delete_whole()

    assert [budget.key for budget in GuessBudget.objects.all()] == ["used"]


def test_security_events_that_are_older_than_the_log_keeps_them_are_deleted(alice: User) -> None:
    for days in (401, 399):
        at = timezone.now() - timedelta(days=days)
        SecurityEvent.objects.create(user=alice, kind="signed_in", channel="page", at=at)

    security_events_task()

    assert SecurityEvent.objects.count() == 1
