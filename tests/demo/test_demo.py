"""`manage.py demo`."""

from datetime import timedelta
from io import StringIO

import pytest
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


def test_it_creates_people_with_a_past_and_prints_how_to_sign_in() -> None:
    told = _demo()

    assert "The demo is ready." in told
    for person in PEOPLE:
        assert authenticate(username=person.username, password=person.password) is not None
        assert f"{person.username:<10}{person.password}" in told
    assert "http://127.0.0.1:" in told
    staff = User.objects.get(username="admin")
    assert (staff.is_staff, staff.is_superuser) == (True, True)
    assert not User.objects.exclude(username="admin").filter(is_staff=True).exists()
    owned = set(Wallet.objects.filter(owner__isnull=False).values_list("owner__username", "currency"))
    assert {("alice", "USD"), ("alice", "EUR"), ("bob", "JPY"), ("carol", "EUR"), ("admin", "USD")} <= owned


def test_its_books_balance_and_lie_in_the_past() -> None:
    _demo()

    assert books_audit().clean
    now = timezone.now()
    first = Entry.objects.earliest("created_at").created_at
    last = Entry.objects.latest("created_at").created_at
    assert now - timedelta(days=92) < first < now - timedelta(days=88)
    assert now - timedelta(days=3) < last < now
    # What happened and what was written down carry the same time: nothing was pushed to the present.
    assert all(moved.created_at == moved.settled_at for moved in Transaction.objects.all())
    assert not Wallet.objects.filter(owner__isnull=False, created_at__gt=first).exists()


def test_a_second_run_changes_nothing_and_prints_the_same_people() -> None:
    first = _demo()
    before = Transaction.objects.count(), User.objects.count()

    second = _demo()

    assert "The demo is here already." in second
    assert second.splitlines()[1:] == first.splitlines()[1:]
    assert (Transaction.objects.count(), User.objects.count()) == before


def test_it_refuses_to_run_in_production(settings: Settings) -> None:
    settings.ENVIRONMENT = "production"

    with pytest.raises(CommandError, match="does not belong in production"):
        _demo()

    assert not User.objects.exists()


def test_it_runs_in_production_when_somebody_insists(settings: Settings) -> None:
    settings.ENVIRONMENT = "production"

    assert "The demo is ready." in _demo(force=True)


def test_it_takes_nobodys_name_away(alice: User) -> None:
    alice.email = "alice@elsewhere.example"
    alice.save()

    with pytest.raises(CommandError, match="usernames of people who are here already: alice"):
        _demo()

    assert list(User.objects.all()) == [alice]


def test_a_posting_is_never_dated_ahead(alice: User) -> None:
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
