"""What staff may do with users and their tokens, emails and second factors, and what they may not."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth import authenticate
from django.db.models import Model
from django.test import Client

from tests.admin.conftest import VIEWS
from tests.people import PASSWORD
from tests.staff import browser_of
from wallets.models import ApiToken, User
from wallets.models.security import SecurityEvent
from wallets.tokens.services import token_issue

USERS = "/admin/wallets/user/"
TOKENS = "/admin/wallets/apitoken/"
FACTORS = "/admin/mfa/authenticator/"


def _form(**changes: str) -> dict[str, str]:
    """The form of a user's page: the inline of wallets, and the given fields."""
    return {"wallets-TOTAL_FORMS": "0", "wallets-INITIAL_FORMS": "0", "reason": "Asked by phone", **changes}


def _action(name: str, *objects: Model, reason: str = "Asked by phone") -> dict[str, Any]:
    """An action with the selected objects of a list."""
    return {"action": name, "_selected_action": [str(one.pk) for one in objects], "reason": reason}


def test_a_user_can_be_deactivated_and_activated_again(superuser: Client, alice: User) -> None:
    superuser.post(f"{USERS}{alice.pk}/change/", _form())
    assert authenticate(username="alice", password=PASSWORD) is None

    superuser.post(f"{USERS}{alice.pk}/change/", _form(is_active="on"))

    assert authenticate(username="alice", password=PASSWORD) == alice


def test_staff_who_may_change_users_can_deactivate_them(staff_create: Callable[..., User], alice: User) -> None:
    clerk = browser_of(staff_create("clerk", *VIEWS, "change_user"))

    clerk.post(f"{USERS}{alice.pk}/change/", _form())

    alice.refresh_from_db()
    assert not alice.is_active


def test_staff_who_are_not_superusers_cannot_grant_rights(staff_create: Callable[..., User], alice: User) -> None:
    clerk = browser_of(staff_create("clerk", *VIEWS, "change_user"))

    clerk.post(f"{USERS}{alice.pk}/change/", _form(is_active="on", is_staff="on", is_superuser="on"))

    alice.refresh_from_db()
    assert (alice.is_staff, alice.is_superuser) == (False, False)


def test_staff_who_are_not_superusers_cannot_change_a_superuser(staff_create: Callable[..., User], root: User) -> None:
    clerk = browser_of(staff_create("clerk", *VIEWS, "change_user"))

    assert clerk.post(f"{USERS}{root.pk}/change/", _form()).status_code == 403

    root.refresh_from_db()
    assert root.is_active


def test_staff_cannot_change_their_own_rights_or_deactivate_themselves(superuser: Client, root: User) -> None:
    superuser.post(f"{USERS}{root.pk}/change/", _form())

    root.refresh_from_db()
    assert (root.is_active, root.is_staff, root.is_superuser) == (True, True, True)


def test_staff_cannot_deactivate_a_colleague_with_more_rights(staff_create: Callable[..., User]) -> None:
    boss = staff_create("boss", *VIEWS, "change_user", "freeze_wallet")
    clerk = browser_of(staff_create("clerk", *VIEWS, "change_user"))

    assert clerk.post(f"{USERS}{boss.pk}/change/", _form()).status_code == 403

    boss.refresh_from_db()
    assert boss.is_active


@pytest.mark.parametrize("kind", ["token", "factor"])
@pytest.mark.parametrize("target", ["a superior", "oneself"])
def test_staff_remove_neither_their_own_nor_a_superiors(
    kind: str, target: str, staff_create: Callable[..., User]
) -> None:
    boss = staff_create("boss", *VIEWS, "freeze_wallet")
    clerk = staff_create("clerk", "view_apitoken", "delete_apitoken", "view_authenticator", "delete_authenticator")
    browser, owner = browser_of(clerk), boss if target == "a superior" else clerk
    browser_of(boss)
    if kind == "token":
        url, kept = TOKENS, token_issue(user=owner, name="job")[0]
    else:
        url, kept = FACTORS, Authenticator.objects.get(user=owner, type="totp")

    assert browser.post(f"{url}{kept.pk}/delete/", {"post": "yes"}).status_code == 403
    page = browser.post(url, _action("revoke" if kind == "token" else "remove", kept), follow=True)

    assert "It is not yours to remove." in page.content.decode()
    kept.refresh_from_db()


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_nothing_is_done_to_an_account_without_a_reason(reason: str, superuser: Client, alice: User) -> None:
    token, _ = token_issue(user=alice, name="phone")
    factor = TOTP.activate(alice, "JBSWY3DPEHPK3PXP").instance

    page = superuser.post(TOKENS, _action("revoke", token, reason=reason), follow=True)
    superuser.post(FACTORS, _action("remove", factor, reason=reason))
    superuser.post(f"{USERS}{alice.pk}/change/", _form(reason=reason))

    assert "Give a reason" in page.content.decode()
    token.refresh_from_db()
    factor.refresh_from_db()
    alice.refresh_from_db()
    assert alice.is_active


def test_the_owner_can_read_who_acted_and_why(superuser: Client, alice: User) -> None:
    token, _ = token_issue(user=alice, name="phone")

    superuser.post(TOKENS, _action("revoke", token, reason="Reported stolen"))

    assert SecurityEvent.objects.get(user=alice, kind="token_revoked").detail == {
        "actor": "root",
        "name": "phone",
        "reason": "Reported stolen",
    }


def test_a_superuser_can_make_a_user_staff(superuser: Client, alice: User) -> None:
    superuser.post(f"{USERS}{alice.pk}/change/", _form(is_active="on", is_staff="on"))

    alice.refresh_from_db()
    assert (alice.is_staff, alice.is_superuser) == (True, False)


def test_staff_cannot_change_usernames_emails_or_passwords(superuser: Client, alice: User) -> None:
    page = superuser.get(f"{USERS}{alice.pk}/change/").content.decode()
    superuser.post(
        f"{USERS}{alice.pk}/change/", _form(is_active="on", username="eve", email="eve@x.example", password="x")
    )

    assert "password" not in page.replace("password_change", "").lower().replace("change password", "")
    assert (
        superuser.get(f"{USERS}{alice.pk}/password/", follow=True).wsgi_request.path != f"{USERS}{alice.pk}/password/"
    )
    assert User.objects.get(pk=alice.pk).email == "alice@example.com"
    assert authenticate(username="alice", password=PASSWORD) == alice


def test_users_cannot_be_added_or_deleted(superuser: Client, alice: User) -> None:
    assert superuser.get(f"{USERS}add/").status_code == 403
    assert superuser.post(f"{USERS}{alice.pk}/delete/", {"post": "yes"}).status_code == 403
    superuser.post(USERS, {"action": "delete_selected", "_selected_action": [alice.pk], "post": "yes"})

    assert User.objects.filter(pk=alice.pk).exists()


def test_a_users_page_shows_their_wallets(superuser: Client, alice: User) -> None:
    page = superuser.get(f"{USERS}{alice.pk}/change/").content.decode()

    assert "alice USD" in page
    assert "$0.00" in page


def test_a_token_is_revoked(superuser: Client, alice: User) -> None:
    lost, _ = token_issue(user=alice, name="lost phone")
    kept, _ = token_issue(user=alice, name="laptop")

    superuser.post(TOKENS, _action("revoke", lost))

    assert [token.pk for token in ApiToken.objects.all()] == [kept.pk]


def test_several_tokens_are_revoked_together(superuser: Client, alice: User) -> None:
    tokens = [token_issue(user=alice, name=name)[0] for name in ("phone", "laptop")]

    superuser.post(TOKENS, _action("revoke", *tokens))

    assert not ApiToken.objects.exists()


def test_tokens_cannot_be_added_or_changed(superuser: Client, alice: User) -> None:
    token, _ = token_issue(user=alice, name="phone")

    assert superuser.get(f"{TOKENS}add/").status_code == 403
    assert superuser.post(f"{TOKENS}{token.pk}/change/", {"expiry": ""}).status_code == 403


def test_staff_who_may_only_view_cannot_revoke_tokens(clerk: Client, alice: User) -> None:
    token, _ = token_issue(user=alice, name="phone")

    clerk.post(TOKENS, _action("revoke", token))
    assert ApiToken.objects.exists()


def test_a_lost_second_factor_can_be_removed_and_its_secret_is_never_shown(superuser: Client, alice: User) -> None:
    secret = "JBSWY3DPEHPK3PXP"
    factor = TOTP.activate(alice, secret).instance

    page = superuser.get(f"/admin/mfa/authenticator/{factor.pk}/change/").content.decode()
    superuser.post(FACTORS, _action("remove", factor))

    assert "alice" in page
    assert secret not in page
    assert not Authenticator.objects.filter(user=alice).exists()


@pytest.mark.parametrize("path", ["/admin/account/emailaddress/", "/admin/mfa/authenticator/"])
def test_emails_and_second_factors_are_listed_and_found(superuser: Client, alice: User, path: str) -> None:
    EmailAddress.objects.get_or_create(user=alice, email=alice.email)
    TOTP.activate(alice, "JBSWY3DPEHPK3PXP")

    assert len(superuser.get(path, {"q": "ALICE"}).context["cl"].result_list) == 1
    assert len(superuser.get(path, {"q": "nobody"}).context["cl"].result_list) == 0


def test_an_email_cannot_be_changed(superuser: Client, alice: User) -> None:
    address, _ = EmailAddress.objects.get_or_create(user=alice, email=alice.email)

    response = superuser.post(f"/admin/account/emailaddress/{address.pk}/change/", {"email": "eve@x.example"})

    assert response.status_code == 403
    assert "make_verified" not in superuser.get("/admin/account/emailaddress/").content.decode()


def test_nobody_sees_the_links_that_confirm_or_undo(superuser: Client) -> None:
    assert superuser.get("/admin/account/emailconfirmation/").status_code == 404
    assert superuser.get("/admin/wallets/emailchange/").status_code == 404
