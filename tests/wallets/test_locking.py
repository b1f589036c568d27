"""The owner locks an account in an emergency; only the owner's mailbox or staff open it again."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.core import mail, signing
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from tests.api.client import Api, Person, assert_problem
from tests.api.client import person as person_with_token
from tests.pages.kit import reauthenticated
from tests.people import PASSWORD, funded
from tests.staff import browser_of
from tests.wallets.test_security_log import INLINE, kinds, reset_password, subjects
from wallets.auth.locking import LINK_AGE_MAX, account_lock, lock_link_make
from wallets.models import ApiToken, User

pytestmark = pytest.mark.django_db
NEW_PASSWORD = "a longer phrase than before"
LOCK = "/accounts/security/lock/"


@pytest.fixture
def browser(alice: User) -> Client:
    """Alice's browser."""
    client = Client()
    client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    mail.outbox.clear()
    return client


@pytest.fixture
def program(alice: User) -> Person:
    """Alice's program."""
    return person_with_token(alice)


def login(password: str = PASSWORD) -> int:
    return Client().post("/accounts/login/", {"login": "alice", "password": password}).status_code


def test_locking_asks_first(browser: Client, alice: User) -> None:
    page = browser.get(LOCK)

    assert "Lock your account?" in page.content.decode()
    alice.refresh_from_db()
    assert alice.is_active


def test_locking_ends_every_session_token_and_password(browser: Client, program: Person, alice: User) -> None:
    thief = Client()
    thief.post("/accounts/login/", {"login": "alice", "password": PASSWORD})

    response = browser.post(LOCK)

    assert response["Location"] == "/accounts/locked/"
    assert "Your account is locked" in browser.get("/accounts/locked/").content.decode()
    for client in (browser, thief):
        assert client.get("/settings/").status_code == 302
        assert client.post("/api/v1/transfers", {}, "application/json").status_code in {401, 403}
    assert_problem(program.api.get("/me"), "not_authenticated", 401)
    assert not ApiToken.objects.exists()
    assert login() == 200
    assert_problem(Api().post("/auth/login", {"username": "alice", "password": PASSWORD}), "not_authenticated", 401)


def test_no_money_leaves_a_locked_account(db: None) -> None:
    wallet = funded("alice", 5_000)
    assert wallet.owner is not None
    program = person_with_token(wallet.owner)
    account_lock(user_id=wallet.owner.pk, via="page")

    for path in ("/transfers", f"/wallets/{wallet.pk}/withdrawals"):
        assert_problem(program.api.post(path, {"amount": 1}), "not_authenticated", 401)
    assert program.balance() == 5_000


def test_locking_is_recorded_and_told_to_the_owner(browser: Client, alice: User) -> None:
    browser.post(LOCK)

    assert kinds(alice)[-1] == "locked"
    assert subjects() == ["Your account is locked"]


def test_a_password_reset_by_mail_unlocks_and_revives_nothing(browser: Client, program: Person, alice: User) -> None:
    browser.post(LOCK)

    client = Client()
    reset_password(client)

    assert kinds(alice)[-2:] == ["password_reset", "unlocked"]
    assert login(NEW_PASSWORD) == 302
    assert login(PASSWORD) == 200
    assert browser.get("/settings/").status_code == 302
    assert_problem(program.api.get("/me"), "not_authenticated", 401)


def test_staff_can_activate_it_and_old_sessions_stay_ended(browser: Client, alice: User) -> None:
    thief = Client()
    thief.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    browser.post(LOCK)
    root = User.objects.create_superuser("root", "root@example.com", PASSWORD)

    page = browser_of(root).post(
        f"/admin/wallets/user/{alice.pk}/change/", {"is_active": "on", "reason": "Asked by phone", **INLINE}
    )

    assert page.status_code == 302
    alice.refresh_from_db()
    assert (alice.is_active, alice.locked_at) == (True, None)
    assert thief.get("/settings/").status_code == 302
    assert login() == 200


def test_staff_can_make_a_lock_permanent(browser: Client, alice: User) -> None:
    browser.post(LOCK)
    root = User.objects.create_superuser("root", "root@example.com", PASSWORD)

    browser_of(root).post(
        "/admin/wallets/user/", {"action": "deactivate", "_selected_action": [alice.pk], "reason": "Mailbox lost"}
    )

    alice.refresh_from_db()
    assert (alice.is_active, alice.locked_at) == (False, None)
    mail.outbox.clear()
    Client().post("/accounts/password/reset/", {"email": "alice@example.com"})
    assert "/reset/key/" not in str(mail.outbox[0].body)


def test_a_lock_does_not_overrule_a_deactivation_by_staff(alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)

    assert not account_lock(user_id=alice.pk, via="link")
    alice.refresh_from_db()
    assert alice.locked_at is None
    assert alice.has_usable_password()


def test_postgres_refuses_a_locked_account_that_is_active(alice: User) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=alice.pk).update(locked_at=timezone.now())


# --- A thief who changes the email ---


def change_email(client: Client, address: str) -> str:
    """Asks for a change, and returns the link that confirms it."""
    reauthenticated(client)
    client.post("/accounts/email/", {"email": address, "action_add": ""})
    message = next(message for message in mail.outbox if message.to == [address])
    return next(word for word in str(message.body).split() if "confirm-email" in word)


def test_a_lock_cancels_a_change_of_email_that_waits_for_its_confirmation(browser: Client, alice: User) -> None:
    link = change_email(browser, "thief@example.com")
    account_lock(user_id=alice.pk, via="link")

    Client().post(link)

    alice.refresh_from_db()
    assert alice.email == "alice@example.com"
    mail.outbox.clear()
    Client().post("/accounts/password/reset/", {"email": "thief@example.com"})
    assert "/reset/key/" not in str(mail.outbox[0].body)


def test_an_email_that_was_changed_just_before_a_lock_does_not_unlock(browser: Client, alice: User) -> None:
    link = change_email(browser, "thief@example.com")
    browser.post(link)
    assert kinds(alice)[-1] == "email_changed"
    mail.outbox.clear()
    Client().post("/accounts/password/reset/", {"email": "thief@example.com"})
    reset_link = next(word for word in str(mail.outbox[0].body).split() if "/reset/key/" in word)
    account_lock(user_id=alice.pk, via="link")

    mail.outbox.clear()
    thief = Client()
    thief.post("/accounts/password/reset/", {"email": "thief@example.com"})
    assert "/reset/key/" not in str(mail.outbox[-1].body)
    # Nor does a link that was sent before.
    form = thief.get(reset_link, follow=True).wsgi_request.path
    thief.post(form, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    alice.refresh_from_db()
    assert not alice.is_active
    assert login(NEW_PASSWORD) == 200


# --- The link in mails ---


def link_of_mail() -> str:
    return next(word for word in str(mail.outbox[-1].body).split() if "/accounts/lock/" in word)


def test_the_mail_about_a_new_login_has_a_link_that_locks_the_account(alice: User) -> None:
    thief = Client()
    thief.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    link = link_of_mail()
    # The thief is quick to change the password.
    thief.post(
        "/accounts/password/change/",
        {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD},
    )

    owner = Client()
    assert "Lock your account?" in owner.get(link).content.decode()
    # A mail scanner opens links: nothing has happened yet.
    assert thief.get("/settings/").status_code == 200
    assert owner.post(link)["Location"] == "/accounts/locked/"

    assert thief.get("/settings/").status_code == 302
    assert login(NEW_PASSWORD) == 200
    alice.refresh_from_db()
    assert alice.locked_at is not None


def test_a_second_click_shows_that_the_account_is_locked(alice: User) -> None:
    link = f"/accounts/lock/{lock_link_make(user_id=alice.pk)}/"
    Client().post(link)

    for response in (Client().get(link), Client().post(link)):
        assert response["Location"] == "/accounts/locked/"
    assert kinds(alice) == ["locked"]


def unlocked_by_reset(alice: User) -> None:
    reset_password(Client())


def activated_by_staff(alice: User) -> None:
    root = User.objects.create_superuser("root", "root@example.com", PASSWORD)
    page = f"/admin/wallets/user/{alice.pk}/change/"
    browser_of(root).post(page, {"is_active": "on", "reason": "Asked by phone", **INLINE})


@pytest.mark.parametrize("unlock", [unlocked_by_reset, activated_by_staff])
def test_a_link_ends_when_the_account_is_unlocked(alice: User, unlock: Callable[[User], None]) -> None:
    link = f"/accounts/lock/{lock_link_make(user_id=alice.pk)}/"
    Client().post(link)
    unlock(alice)
    alice.refresh_from_db()
    assert alice.is_active

    for response in (Client().get(link), Client().post(link)):
        assert response.status_code == 410
        assert "no longer works" in response.content.decode()
    alice.refresh_from_db()
    assert alice.is_active

    # Those of later mails work.
    Client().post(f"/accounts/lock/{lock_link_make(user_id=alice.pk)}/")
    alice.refresh_from_db()
    assert not alice.is_active


def test_the_mail_about_the_reset_that_unlocked_the_account_has_a_link_that_works(alice: User) -> None:
    account_lock(user_id=alice.pk, via="page")
    reset_password(Client())

    Client().post(link_of_mail())

    alice.refresh_from_db()
    assert not alice.is_active


@pytest.mark.parametrize("kind", ["forged", "expired", "of another purpose"])
def test_a_bad_link_locks_nothing(alice: User, kind: str) -> None:
    key = {"forged": lock_link_make(user_id=alice.pk)[:-1] + "-", "of another purpose": signing.dumps(alice.pk)}.get(
        kind
    )
    if key is None:
        with time_machine.travel(timezone.now() - LINK_AGE_MAX - timedelta(minutes=1)):
            key = lock_link_make(user_id=alice.pk)

    for response in (Client().get(f"/accounts/lock/{key}/"), Client().post(f"/accounts/lock/{key}/")):
        assert response.status_code == 410
        assert "no longer works" in response.content.decode()
    alice.refresh_from_db()
    assert alice.is_active


def test_another_site_cannot_lock_an_account(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    assert client.post(LOCK).status_code == 403
    alice.refresh_from_db()
    assert alice.is_active
