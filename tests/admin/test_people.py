"""What staff may do about people, and what they may not."""

from collections.abc import Callable

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth import authenticate
from django.test import Client

from tests.admin.conftest import VIEWS, browser_of
from tests.conftest import PASSWORD
from wallets.models import ApiToken, User
from wallets.services import token_issue

USERS = "/admin/wallets/user/"
TOKENS = "/admin/wallets/apitoken/"


def _form(**changes: str) -> dict[str, str]:
    """What the browser sends for the inline of wallets, and these fields."""
    return {"wallets-TOTAL_FORMS": "0", "wallets-INITIAL_FORMS": "0", **changes}


def test_somebody_can_be_shut_out_and_let_in_again(desk: Client, alice: User) -> None:
    desk.post(f"{USERS}{alice.pk}/change/", _form())
    assert authenticate(username="alice", password=PASSWORD) is None

    desk.post(f"{USERS}{alice.pk}/change/", _form(is_active="on"))

    assert authenticate(username="alice", password=PASSWORD) == alice


def test_a_clerk_who_may_change_people_can_shut_them_out(staff_create: Callable[..., User], alice: User) -> None:
    clerk = browser_of(staff_create("clerk", *VIEWS, "change_user"))

    clerk.post(f"{USERS}{alice.pk}/change/", _form())

    alice.refresh_from_db()
    assert not alice.is_active


def test_a_clerk_gives_nobody_rights(staff_create: Callable[..., User], alice: User) -> None:
    clerk = browser_of(staff_create("clerk", *VIEWS, "change_user"))

    clerk.post(f"{USERS}{alice.pk}/change/", _form(is_active="on", is_staff="on", is_superuser="on"))

    alice.refresh_from_db()
    assert (alice.is_staff, alice.is_superuser) == (False, False)


def test_a_clerk_cannot_touch_a_superuser(staff_create: Callable[..., User], root: User) -> None:
    clerk = browser_of(staff_create("clerk", *VIEWS, "change_user"))

    assert clerk.post(f"{USERS}{root.pk}/change/", _form()).status_code == 403

    root.refresh_from_db()
    assert root.is_active


def test_nobody_changes_their_own_rights_or_shuts_themselves_out(desk: Client, root: User) -> None:
    desk.post(f"{USERS}{root.pk}/change/", _form())

    root.refresh_from_db()
    assert (root.is_active, root.is_staff, root.is_superuser) == (True, True, True)


def test_a_superuser_makes_somebody_staff(desk: Client, alice: User) -> None:
    desk.post(f"{USERS}{alice.pk}/change/", _form(is_active="on", is_staff="on"))

    alice.refresh_from_db()
    assert (alice.is_staff, alice.is_superuser) == (True, False)


def test_names_addresses_and_passwords_are_the_persons_own(desk: Client, alice: User) -> None:
    page = desk.get(f"{USERS}{alice.pk}/change/").content.decode()
    desk.post(f"{USERS}{alice.pk}/change/", _form(is_active="on", username="eve", email="eve@x.example", password="x"))

    assert "password" not in page.replace("password_change", "").lower().replace("change password", "")
    assert desk.get(f"{USERS}{alice.pk}/password/", follow=True).wsgi_request.path != f"{USERS}{alice.pk}/password/"
    assert User.objects.get(pk=alice.pk).email == "alice@example.com"
    assert authenticate(username="alice", password=PASSWORD) == alice


def test_people_are_neither_made_nor_deleted_here(desk: Client, alice: User) -> None:
    assert desk.get(f"{USERS}add/").status_code == 403
    assert desk.post(f"{USERS}{alice.pk}/delete/", {"post": "yes"}).status_code == 403
    desk.post(USERS, {"action": "delete_selected", "_selected_action": [alice.pk], "post": "yes"})

    assert User.objects.filter(pk=alice.pk).exists()


def test_a_persons_page_shows_their_wallets(desk: Client, alice: User) -> None:
    page = desk.get(f"{USERS}{alice.pk}/change/").content.decode()

    assert "alice USD" in page
    assert "$0.00" in page


def test_a_token_is_revoked(desk: Client, alice: User) -> None:
    lost, _ = token_issue(user=alice, name="lost phone")
    kept, _ = token_issue(user=alice, name="laptop")

    desk.post(f"{TOKENS}{lost.pk}/delete/", {"post": "yes"})

    assert [token.pk for token in ApiToken.objects.all()] == [kept.pk]


def test_several_tokens_are_revoked_together(desk: Client, alice: User) -> None:
    tokens = [token_issue(user=alice, name=name)[0] for name in ("phone", "laptop")]

    desk.post(TOKENS, {"action": "delete_selected", "_selected_action": [token.pk for token in tokens], "post": "yes"})

    assert not ApiToken.objects.exists()


def test_a_token_is_not_made_or_changed_here(desk: Client, alice: User) -> None:
    token, _ = token_issue(user=alice, name="phone")

    assert desk.get(f"{TOKENS}add/").status_code == 403
    assert desk.post(f"{TOKENS}{token.pk}/change/", {"expiry": ""}).status_code == 403


def test_a_clerk_who_may_only_look_revokes_nothing(clerk: Client, alice: User) -> None:
    token, _ = token_issue(user=alice, name="phone")

    assert clerk.post(f"{TOKENS}{token.pk}/delete/", {"post": "yes"}).status_code == 403
    assert ApiToken.objects.exists()


def test_a_lost_second_factor_is_taken_away_and_its_secret_never_shown(desk: Client, alice: User) -> None:
    secret = "JBSWY3DPEHPK3PXP"
    factor = TOTP.activate(alice, secret).instance

    page = desk.get(f"/admin/mfa/authenticator/{factor.pk}/change/").content.decode()
    desk.post(f"/admin/mfa/authenticator/{factor.pk}/delete/", {"post": "yes"})

    assert "alice" in page
    assert secret not in page
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("path", ["/admin/account/emailaddress/", "/admin/mfa/authenticator/"])
def test_addresses_and_second_factors_are_listed_and_found(desk: Client, alice: User, path: str) -> None:
    EmailAddress.objects.get_or_create(user=alice, email=alice.email)
    TOTP.activate(alice, "JBSWY3DPEHPK3PXP")

    assert len(desk.get(path, {"q": "ALICE"}).context["cl"].result_list) == 1
    assert len(desk.get(path, {"q": "nobody"}).context["cl"].result_list) == 0


def test_an_address_is_not_changed_here(desk: Client, alice: User) -> None:
    address, _ = EmailAddress.objects.get_or_create(user=alice, email=alice.email)

    response = desk.post(f"/admin/account/emailaddress/{address.pk}/change/", {"email": "eve@x.example"})

    assert response.status_code == 403
    assert "make_verified" not in desk.get("/admin/account/emailaddress/").content.decode()
