"""`manage.py demo` creates users with a history."""

import re
from datetime import timedelta
from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from transactions.audit import books_audit
from transactions.demo.people import PEOPLE
from transactions.ledger.commands import Command
from transactions.ledger.post import post
from transactions.models import Entry, Kind, Transaction
from wallets.models import User, Wallet

pytestmark = pytest.mark.django_db


def _demo(**options: bool) -> str:
    out = StringIO()
    call_command("demo", stdout=out, **options)
    return out.getvalue()


def test_it_creates_users_with_a_history_and_prints_how_to_log_in() -> None:
    printed = _demo()

    assert "The demo is ready." in printed
    for person in PEOPLE:
        assert authenticate(username=person.username, password=person.password) is not None
        assert f"{person.username:<10}{person.password}" in printed
    assert "http://127.0.0.1:" in printed
    staff = User.objects.get(username="admin")
    assert (staff.is_staff, staff.is_superuser) == (True, True)
    assert not User.objects.exclude(username="admin").filter(is_staff=True).exists()
    owned = set(Wallet.objects.filter(owner__isnull=False).values_list("owner__username", "currency"))
    assert {("alice", "USD"), ("alice", "EUR"), ("bob", "JPY"), ("carol", "EUR"), ("admin", "USD")} <= owned


def test_its_books_balance_and_its_entries_are_dated_in_the_past() -> None:
    _demo()

    assert books_audit().clean
    now = timezone.now()
    first = Entry.objects.earliest("created_at").created_at
    last = Entry.objects.latest("created_at").created_at
    assert now - timedelta(days=92) < first < now - timedelta(days=88)
    assert now - timedelta(days=3) < last < now
    # No posting was delayed to the time of an earlier one: each settled at the time at which it was created.
    assert all(moved.created_at == moved.settled_at for moved in Transaction.objects.all())
    assert not Wallet.objects.filter(owner__isnull=False, created_at__gt=first).exists()


def test_a_second_run_changes_nothing_and_prints_the_same_users() -> None:
    first = _demo()
    before = Transaction.objects.count(), User.objects.count()

    second = _demo()

    assert "The demo exists already." in second
    assert second.splitlines()[1:] == first.splitlines()[1:]
    assert (Transaction.objects.count(), User.objects.count()) == before


def test_it_prints_what_the_staffs_authenticator_app_needs() -> None:
    printed = _demo()
    admin = User.objects.get(username="admin")
    (code,) = re.findall(r"Its code now: ([0-9]{6})", printed)

    assert Authenticator.objects.get(user=admin, type="totp").wrap().validate_code(code)
    assert "admin's authenticator app: " in printed


def test_it_refuses_to_run_where_nobody_may_deposit(settings: Settings) -> None:
    settings.FUNDING = "staff"

    with pytest.raises(CommandError, match="FUNDING=demo"):
        _demo()


def test_it_refuses_to_run_in_production(settings: Settings) -> None:
    settings.ENVIRONMENT = "production"

    with pytest.raises(CommandError, match="does not run in production"):
        _demo()

    assert not User.objects.exists()


def test_it_runs_in_production_with_force(settings: Settings) -> None:
    settings.ENVIRONMENT = "production"

    assert "The demo is ready." in _demo(force=True)


def test_it_refuses_to_take_an_existing_username(alice: User) -> None:
    alice.email = "alice@elsewhere.example"
    alice.save()

    with pytest.raises(CommandError, match="are taken: alice"):
        _demo()

    assert list(User.objects.all()) == [alice]


def test_a_posting_cannot_be_dated_in_the_future(alice: User) -> None:
    wallet = Wallet.objects.get(owner=alice)
    command = Command(kind=Kind.DEPOSIT, amount=1, destination_id=wallet.id, initiator_id=alice.pk)

    with pytest.raises(ValueError, match="dated in the future"):
        post([command], at=timezone.now() + timedelta(minutes=1))

    assert not Entry.objects.exists()


def test_a_posting_is_never_dated_before_the_wallets_last_entry(alice: User) -> None:
    wallet = Wallet.objects.get(owner=alice)
    command = Command(kind=Kind.DEPOSIT, amount=1, destination_id=wallet.id, initiator_id=alice.pk)
    post([command])

    post([command], at=timezone.now() - timedelta(days=1))

    first, second = Entry.objects.filter(wallet=wallet).order_by("sequence")
    assert second.created_at >= first.created_at
    assert books_audit().clean
