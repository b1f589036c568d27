"""Tasks delete expired sessions and tokens, whole guessing budgets and old security events, and keep the others."""

from datetime import timedelta

import pytest
from django.utils import timezone

from wallets.models import ApiToken, User
from wallets.models.security import GuessBudget, SecurityEvent
from wallets.models.sessions import BrowserSession
from wallets.tasks import (
    api_tokens_delete_expired,
    guess_budgets_delete_whole,
    security_events_task,
    sessions_delete_expired,
)
from wallets.tokens.services import token_issue


@pytest.mark.parametrize(
    ("who", "idle", "age", "is_kept"),
    [
        ("visitor", timedelta(hours=23), None, True),
        ("visitor", timedelta(hours=25), None, False),
        ("user", timedelta(days=6), timedelta(days=29), True),
        ("user", timedelta(days=8), timedelta(days=29), False),
        ("user", timedelta(days=6), timedelta(days=31), False),
        ("staff", timedelta(minutes=50), timedelta(hours=11), True),
        ("staff", timedelta(minutes=70), timedelta(hours=11), False),
        ("staff", timedelta(minutes=50), timedelta(hours=13), False),
    ],
)
def test_sessions_are_deleted_when_they_are_over(
    who: str, idle: timedelta, age: timedelta | None, is_kept: bool, alice: User
) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=who == "staff")
    now = timezone.now()
    user, signed_in_at = (None, None) if age is None else (alice, now - age)
    BrowserSession.objects.create(
        key_hash="a", data="sealed:1:", user=user, signed_in_at=signed_in_at, last_seen_at=now - idle
    )

    sessions_delete_expired()

    assert BrowserSession.objects.exists() == is_kept


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
