"""Email addresses: only a confirmed one counts, and a change of it can be undone."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress, EmailConfirmation, EmailConfirmationHMAC
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.utils import timezone
from time_machine import TimeMachineFixture

from tests.people import PASSWORD, person
from wallets.addresses import (
    address_confirm,
    address_request,
    addresses_delete_expired,
    change_undo,
    change_undoable,
)
from wallets.auth.access import user_find
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import ApiToken, EmailChange, User
from wallets.services import password_changed, user_register
from wallets.tokens.services import token_issue

pytestmark = pytest.mark.django_db


def newcomer(name: str = "dora", email: str = "dora@example.com") -> User:
    return user_register(username=name, email=email, password=PASSWORD)


def pending(user: User) -> EmailAddress:
    return EmailAddress.objects.get(user=user, verified=False)


def email_of(user: User) -> str | None:
    return User.objects.get(pk=user.pk).email


def changed(user: User, email: str) -> str:
    """Changes the user's confirmed address. Returns the key that undoes it."""
    confirmed = address_confirm(address=address_request(user=User.objects.get(pk=user.pk), email=email))
    assert confirmed is not None
    return confirmed.undo_key


def test_a_new_account_has_no_email_before_it_is_confirmed() -> None:
    dora = newcomer()
    assert email_of(dora) is None
    confirmed = address_confirm(address=pending(dora))
    assert confirmed is not None
    assert (confirmed.email, confirmed.old_email, confirmed.undo_key) == ("dora@example.com", None, "")
    assert email_of(dora) == "dora@example.com"


def test_an_email_that_is_in_use_stays_pending_and_is_never_confirmed() -> None:
    alice = person("alice")
    mallory = newcomer("mallory", "ALICE@example.com")
    assert pending(mallory).email == "alice@example.com"
    assert address_confirm(address=pending(mallory)) is None
    assert (email_of(alice), email_of(mallory)) == ("alice@example.com", None)


def test_the_first_of_two_accounts_to_confirm_an_email_gets_it() -> None:
    first, second = newcomer("dora"), newcomer("eve", "dora@example.com")
    assert address_confirm(address=pending(second)) is not None
    assert address_confirm(address=pending(first)) is None
    assert (email_of(first), email_of(second)) == (None, "dora@example.com")


def test_an_email_is_confirmed_once() -> None:
    dora = newcomer()
    address = pending(dora)
    assert address_confirm(address=address) is not None
    assert address_confirm(address=address) is None


def test_a_new_request_replaces_an_earlier_one_and_its_links() -> None:
    alice = person("alice")
    first = address_request(user=alice, email="first@example.com")
    link = EmailConfirmationHMAC.create(first).key
    assert EmailConfirmationHMAC.from_key(link) is not None
    address_request(user=alice, email="second@example.com")
    assert pending(alice).email == "second@example.com"
    assert EmailConfirmationHMAC.from_key(link) is None
    assert address_confirm(address=first) is None


def test_a_password_change_cancels_a_change_of_email() -> None:
    alice = person("alice")
    address = address_request(user=alice, email="mallory@example.com")
    link = EmailConfirmationHMAC.create(address).key
    password_changed(user=alice)
    assert EmailConfirmationHMAC.from_key(link) is None
    assert address_confirm(address=address) is None
    assert email_of(alice) == "alice@example.com"


def test_the_command_that_changes_a_password_cancels_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    alice = person("alice")
    address_request(user=alice, email="mallory@example.com")
    monkeypatch.setattr("getpass.getpass", lambda **_: "another long phrase")
    call_command("changepassword", "alice")
    assert not EmailAddress.objects.filter(verified=False).exists()


def test_nobody_asks_for_an_email_with_a_session_that_is_over() -> None:
    alice = person("alice")
    other = User.objects.get(pk=alice.pk)
    other.set_password("another long phrase")
    other.save()
    with pytest.raises(WalletError) as refusal:
        address_request(user=alice, email="mallory@example.com")
    assert refusal.value.code == ErrorCode.NOT_AUTHENTICATED
    assert not EmailAddress.objects.filter(verified=False).exists()


def test_a_password_that_changes_while_a_request_is_answered_ends_what_the_request_may_do() -> None:
    alice = person("alice")
    signed_in = user_find(user_id=alice.pk)
    assert signed_in
    alice.set_password("another long phrase")
    alice.save()
    # Whatever asks for this reads the password hash of now.
    assert signed_in.has_usable_password()

    with pytest.raises(WalletError):
        address_request(user=signed_in, email="new@example.com")
    with pytest.raises(WalletError):
        token_issue(user=signed_in, name="Mallory's")


def test_a_deactivated_account_confirms_nothing() -> None:
    dora = newcomer()
    User.objects.filter(pk=dora.pk).update(is_active=False)
    assert address_confirm(address=pending(dora)) is None


def test_undoing_a_change_restores_the_email_and_ends_everything_else() -> None:
    alice = person("alice")
    key = changed(alice, "mallory@example.com")
    address_request(user=User.objects.get(pk=alice.pk), email="mallory@example.org")
    token_issue(user=User.objects.get(pk=alice.pk), name="Mallory's")
    undone = change_undo(key=key)
    assert undone is not None
    assert (undone.old_email, undone.new_email) == ("alice@example.com", "mallory@example.com")
    alice.refresh_from_db()
    assert alice.email == "alice@example.com"
    assert not alice.has_usable_password()
    assert not ApiToken.objects.exists()
    addresses = EmailAddress.objects.filter(user=alice).values_list("email", "verified", "primary")
    assert list(addresses) == [("alice@example.com", True, True)]


def test_a_change_is_undone_once_and_within_three_days(time_machine: TimeMachineFixture) -> None:
    alice, bob = person("alice"), person("bob")
    first, second = changed(alice, "new-alice@example.com"), changed(bob, "new-bob@example.com")
    assert change_undo(key=first) is not None
    assert change_undo(key=first) is None
    time_machine.move_to(timezone.now() + timedelta(days=3, seconds=5))
    assert change_undoable(key=second) is None
    assert change_undo(key=second) is None
    assert email_of(bob) == "new-bob@example.com"


def test_undoing_the_first_of_two_changes_ends_the_second_ones_link() -> None:
    alice = person("alice")
    first = changed(alice, "mallory@example.com")
    second = changed(alice, "mallory@example.org")
    assert change_undo(key=first) is not None
    assert change_undo(key=second) is None
    assert email_of(alice) == "alice@example.com"


def test_undoing_a_later_change_leaves_the_earlier_link() -> None:
    alice = person("alice")
    first = changed(alice, "work@example.com")
    second = changed(alice, "mallory@example.com")
    assert change_undo(key=second) is not None
    assert email_of(alice) == "work@example.com"
    assert change_undoable(key=first) is not None


def test_a_password_change_does_not_end_the_link_that_undoes_a_change() -> None:
    """Whoever took the account over would change the password first."""
    alice = person("alice")
    key = changed(alice, "mallory@example.com")
    password_changed(user=alice)
    assert change_undo(key=key) is not None


def test_a_change_is_not_undone_if_another_account_has_the_old_email_by_then() -> None:
    alice = person("alice")
    key = changed(alice, "new@example.com")
    dora = newcomer("dora", "alice@example.com")
    assert address_confirm(address=pending(dora)) is not None
    assert change_undo(key=key) is None
    assert (email_of(alice), email_of(dora)) == ("new@example.com", "alice@example.com")


def test_only_the_hash_of_a_key_is_stored() -> None:
    key = changed(person("alice"), "new@example.com")
    assert key not in str(EmailChange.objects.values().get())


def test_no_row_contains_a_link_that_confirms_an_email() -> None:
    address = pending(newcomer())
    link = EmailConfirmationHMAC.create(address)
    assert link.key not in str(EmailAddress.objects.values().get())
    assert not EmailConfirmation.objects.exists()


def test_the_sweep_deletes_what_has_expired_and_nothing_else() -> None:
    alice, bob = person("alice"), person("bob")
    changed(alice, "new-alice@example.com")
    key = changed(bob, "new-bob@example.com")
    EmailChange.objects.filter(user=alice).update(created_at=timezone.now() - timedelta(days=4))
    addresses_delete_expired()
    assert change_undoable(key=key) is not None
    assert EmailChange.objects.count() == 1


def test_any_number_of_accounts_have_no_email() -> None:
    User.objects.create_user(username="alice")
    User.objects.create_user(username="bob", email="")
    assert set(User.objects.values_list("email", flat=True)) == {None}


@pytest.mark.parametrize(
    ("username", "email", "message"),
    [
        ("a1ice", "root@example.com", "This username looks like another one."),
        ("Alice", "root@example.com", "already taken"),
        ("root", "Alice@example.com", "This email is taken."),
    ],
)
def test_a_superuser_is_refused_what_another_account_has(username: str, email: str, message: str) -> None:
    person("alice")
    with pytest.raises(CommandError, match=message):
        call_command("createsuperuser", interactive=False, username=username, email=email, verbosity=0)
    assert User.objects.get().username == "alice"
    assert EmailAddress.objects.count() == 1


@pytest.mark.parametrize("create", [User.objects.create_user, User.objects.create_superuser])
def test_creating_a_user_names_the_field_that_another_account_has(create: Callable[..., User]) -> None:
    person("alice")
    for field, given in {
        "username": {"username": "a1ice"},
        "email": {"username": "bob", "email": "Alice@example.com"},
    }.items():
        with pytest.raises(ValidationError) as refusal:
            create(**given)
        assert list(refusal.value.message_dict) == [field]
    assert User.objects.get().username == "alice"


def test_a_superuser_of_the_command_line_has_a_confirmed_email() -> None:
    call_command("createsuperuser", interactive=False, username="root", email="Root@Bücher.example", verbosity=0)
    root = User.objects.get()
    assert (root.username, root.email) == ("root", "root@xn--bcher-kva.example")
    assert EmailAddress.objects.get(user=root).verified
