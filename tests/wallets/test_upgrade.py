"""What the upgrade does to accounts from before only confirmed addresses counted."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.db import connection

import wallets.migrations
from wallets.models import User

pytestmark = pytest.mark.django_db


def upgrade() -> None:
    """Runs the steps of the migration that change rows, on the present tables."""
    folder = Path(wallets.migrations.__file__ or "").parent
    (path,) = folder.glob("*_confirmed_addresses.py")
    migration: Any = import_module(f"wallets.migrations.{path.stem}")
    with connection.cursor() as cursor:
        cursor.execute(migration._UNCONFIRMED_SQL)
    migration.addresses_canonical(apps, None)
    migration.skeletons_fill(apps, None)


def old(username: str, email: str, *, row: str = "", verified: bool = False) -> User:
    """An account as older releases made them, with allauth's row for this address, if any."""
    user = User.objects.bulk_create([User(username=username, email=email, password="!")])[0]
    if row:
        EmailAddress.objects.create(user=user, email=row, verified=verified, primary=True)
    return user


def email_of(user: User) -> str | None:
    return User.objects.get(pk=user.pk).email


def addresses_of(user: User) -> list[tuple[str, bool, bool]]:
    return list(EmailAddress.objects.filter(user=user).values_list("email", "verified", "primary"))


def test_a_confirmed_email_stays() -> None:
    alice = old("alice", "alice@example.com", row="alice@example.com", verified=True)
    upgrade()
    assert email_of(alice) == "alice@example.com"
    assert addresses_of(alice) == [("alice@example.com", True, True)]


@pytest.mark.parametrize("row", ["", "bob@example.com"])
def test_an_email_that_was_never_confirmed_becomes_pending(row: str) -> None:
    bob = old("bob", "bob@example.com", row=row)
    upgrade()
    assert email_of(bob) is None
    assert addresses_of(bob) == [("bob@example.com", False, False)]


def test_a_change_under_way_stays_pending() -> None:
    alice = old("alice", "alice@example.com", row="alice@example.com", verified=True)
    EmailAddress.objects.create(user=alice, email="new@example.com")
    upgrade()
    assert email_of(alice) == "alice@example.com"
    assert sorted(addresses_of(alice)) == [("alice@example.com", True, True), ("new@example.com", False, False)]


def test_emails_get_their_canonical_form_and_the_older_account_keeps_it() -> None:
    first = old("alice", "alice@xn--bcher-kva.example", row="alice@xn--bcher-kva.example", verified=True)
    second = old("bob", "alice@bücher.example", row="alice@bücher.example", verified=True)
    third = old("charlie", "charlie@bücher.example", row="charlie@bücher.example", verified=True)
    upgrade()
    assert email_of(first) == "alice@xn--bcher-kva.example"
    assert (email_of(second), addresses_of(second)) == (None, [])
    assert email_of(third) == "charlie@xn--bcher-kva.example"
    assert addresses_of(third) == [("charlie@xn--bcher-kva.example", True, True)]


def test_the_oldest_of_accounts_that_look_alike_gets_the_skeleton() -> None:
    users = [old(name, f"{name}@example.com") for name in ("alice", "a1ice", "bob")]
    upgrade()
    assert [User.objects.get(pk=user.pk).skeleton for user in users] == ["allce", None, "bob"]
    upgrade()
    assert [User.objects.get(pk=user.pk).skeleton for user in users] == ["allce", None, "bob"]
