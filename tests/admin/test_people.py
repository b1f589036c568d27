"""What staff may do with users and their tokens, emails and second factors, and what they may not."""

from collections.abc import Callable

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth import authenticate
from django.test import Client

from tests.admin.conftest import VIEWS, browser_of
from tests.people import PASSWORD
from wallets.models import ApiToken, User
from wallets.services import token_issue

USERS = "/admin/wallets/user/"
TOKENS = "/admin/wallets/apitoken/"


def _form(**changes: str) -> dict[str, str]:
    """The form of a user's page: the inline of wallets, and the given fields."""
    return {"wallets-TOTAL_FORMS": "0", "wallets-INITIAL_FORMS": "0", **changes}


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

    superuser.post(f"{TOKENS}{lost.pk}/delete/", {"post": "yes"})

    assert [token.pk for token in ApiToken.objects.all()] == [kept.pk]


def test_several_tokens_are_revoked_together(superuser: Client, alice: User) -> None:
    tokens = [token_issue(user=alice, name=name)[0] for name in ("phone", "laptop")]

    superuser.post(
        TOKENS, {"action": "delete_selected", "_selected_action": [token.pk for token in tokens], "post": "yes"}
    )

    assert not ApiToken.objects.exists()


def test_tokens_cannot_be_added_or_changed(superuser: Client, alice: User) -> None:
    token, _ = token_issue(user=alice, name="phone")

    assert superuser.get(f"{TOKENS}add/").status_code == 403
    assert superuser.post(f"{TOKENS}{token.pk}/change/", {"expiry": ""}).status_code == 403


def test_staff_who_may_only_view_cannot_revoke_tokens(clerk: Client, alice: User) -> None:
    token, _ = token_issue(user=alice, name="phone")

    assert clerk.post(f"{TOKENS}{token.pk}/delete/", {"post": "yes"}).status_code == 403
    assert ApiToken.objects.exists()


def test_a_lost_second_factor_can_be_removed_and_its_secret_is_never_shown(superuser: Client, alice: User) -> None:
    secret = "JBSWY3DPEHPK3PXP"
    factor = TOTP.activate(alice, secret).instance

    page = superuser.get(f"/admin/mfa/authenticator/{factor.pk}/change/").content.decode()
    superuser.post(f"/admin/mfa/authenticator/{factor.pk}/delete/", {"post": "yes"})

    assert "alice" in page
    assert secret not in page
    assert not Authenticator.objects.exists()


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
