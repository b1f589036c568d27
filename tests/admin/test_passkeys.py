"""Staff and passkeys: a passkey opens the admin, and staff remove those of users who lost them."""

import pytest
from allauth.mfa.models import Authenticator as Factor
from django.contrib.auth.models import Permission
from django.core import mail

from tests.pages.kit import reauthenticated, text_of
from tests.passkeys import Authenticator, answer, browser, passkey_add, passkey_log_in
from tests.staff import browser_of, superuser_create
from wallets.domain.security import SecurityEventKind
from wallets.models import User
from wallets.models.security import SecurityEvent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("passkeys_work")]
FACTORS = "/admin/mfa/authenticator/"


def with_passkey(user: User, name: str = "phone") -> Authenticator:
    device, client = Authenticator(), browser()
    client.force_login(user)
    passkey_add(reauthenticated(client), device, name=name)
    return device


def test_a_login_with_a_passkey_opens_the_admin(db: None) -> None:
    device, client = with_passkey(superuser_create()), browser()
    assert passkey_log_in(client, device)["Location"] == "/"
    assert client.get("/admin/").status_code == 200


def test_a_session_from_before_the_passkey_has_to_use_it_first(db: None) -> None:
    root = superuser_create()
    device, client = with_passkey(root), browser()
    client.force_login(root)

    asked = client.get("/admin/")
    assert asked["Location"].startswith("/accounts/2fa/webauthn/reauthenticate/")
    assert answer(client, "/accounts/2fa/webauthn/reauthenticate/", device, next="/admin/")["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_staff_remove_a_lost_passkey_and_its_owner_is_told(alice: User) -> None:
    with_passkey(alice, "old phone")
    staff = browser_of(superuser_create())
    factor = Factor.objects.get(user=alice, type="webauthn")
    page = text_of(staff.get(FACTORS))
    assert "old phone" in page
    assert "attestationObject" not in text_of(staff.get(f"{FACTORS}{factor.pk}/change/"))
    mail.outbox.clear()

    staff.post(FACTORS, {"action": "remove", "_selected_action": factor.pk, "reason": "Lost"})

    assert not Factor.objects.filter(pk=factor.pk).exists()
    assert SecurityEvent.objects.get(kind=SecurityEventKind.PASSKEY_REMOVED).detail["name"] == "old phone"
    changed = SecurityEvent.objects.get(kind=SecurityEventKind.STAFF_CHANGED, user=alice)
    assert changed.detail == {"actor": "root", "reason": "Lost", "removed_factor": "webauthn", "name": "old phone"}
    assert [message.subject for message in mail.outbox] == ["A second factor was removed from your account"]


def test_staff_leave_the_passkeys_of_users_with_more_rights_alone(db: None) -> None:
    boss = superuser_create("boss")
    with_passkey(boss)
    clerk = superuser_create("clerk")
    clerk.is_superuser = False
    clerk.save()
    clerk.user_permissions.set(Permission.objects.filter(codename__endswith="authenticator"))
    factor = Factor.objects.get(user=boss, type="webauthn")

    browser_of(clerk).post(FACTORS, {"action": "remove", "_selected_action": factor.pk, "reason": "Mine now"})

    assert Factor.objects.filter(pk=factor.pk).exists()


def test_staff_without_a_second_factor_can_choose_a_passkey(root: User) -> None:
    client = browser()
    client.force_login(root)

    page = client.get("/admin/", follow=True)

    assert page.redirect_chain == [("/accounts/2fa/", 302)]
    text = page.content.decode()
    assert "Staff need a second factor" in text
    assert "/accounts/2fa/webauthn/add/" in text
    assert "/accounts/2fa/totp/activate/" in text
