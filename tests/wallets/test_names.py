"""Usernames that look like others, and display names."""

# ruff: noqa: RUF001 - look-alikes are what this is about

import pytest

from tests.people import PASSWORD, person
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User
from wallets.services import display_name_set, user_register

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["a1ice", "allce", "a.lice", "al-1ce", "4l1c3"])
def test_a_username_that_looks_like_another_is_refused(name: str) -> None:
    person("alice")
    with pytest.raises(WalletError) as refusal:
        user_register(username=name, email="dora@example.com", password=PASSWORD)
    assert refusal.value.code == ErrorCode.MALFORMED
    assert set(refusal.value.fields) == {"username"}
    assert "looks like another" in refusal.value.detail
    assert User.objects.count() == 1


def test_a_user_is_called_by_the_username_until_they_choose_a_name() -> None:
    alice = person("alice")
    assert alice.shown_name == "alice"
    display_name_set(user=alice, name="  Alice  B. ")
    alice.refresh_from_db()
    assert alice.shown_name == "Alice B."
    display_name_set(user=alice, name="")
    alice.refresh_from_db()
    assert alice.shown_name == "alice"


def test_a_user_may_be_called_like_their_own_username() -> None:
    alice = person("alice")
    display_name_set(user=alice, name="Alice")
    alice.refresh_from_db()
    assert alice.shown_name == "Alice"


@pytest.mark.parametrize("name", ["Alice", "A1ice", "álice", "Αlісе", "ALICE.", "Al\u200bice"])
def test_nobody_is_called_like_another_users_username(name: str) -> None:
    person("alice")
    bob = person("bob")
    with pytest.raises(WalletError) as refusal:
        display_name_set(user=bob, name=name)
    assert set(refusal.value.fields) == {"display_name"}
    bob.refresh_from_db()
    assert bob.shown_name == "bob"
