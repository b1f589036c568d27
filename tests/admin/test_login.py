"""Who can log in to the admin, and how."""

import re

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.models import AnonymousUser
from django.test import Client

from tests.frozen.authenticator import totp_code
from tests.people import PASSWORD
from tests.staff import TOTP_SECRET, browser_of
from wallets.models import User

LOGIN = "/accounts/login/"


@pytest.mark.parametrize("path", ["/admin/", "/admin/wallets/wallet/", "/admin/transactions/entry/"])
def test_an_anonymous_visitor_is_redirected_to_the_sites_login(db: None, client: Client, path: str) -> None:
    response = client.get(path, follow=True)

    url, _ = response.redirect_chain[-1]
    assert url.startswith(LOGIN)
    assert path in url.replace("%2F", "/")


def test_the_admins_own_login_accepts_no_password(db: None, client: Client, root: User) -> None:
    response = client.post("/admin/login/", {"username": "root", "password": PASSWORD})

    assert response.status_code == 302
    assert response["Location"].startswith(LOGIN)
    assert "_auth_user_id" not in client.session


def test_staff_log_in_through_the_sites_login(client: Client, root: User) -> None:
    TOTP.activate(root, TOTP_SECRET)
    client.post(f"{LOGIN}?next=/admin/", {"login": "root", "password": PASSWORD})

    response = client.post("/accounts/2fa/authenticate/", {"code": totp_code(TOTP_SECRET)}, follow=True)

    assert response.status_code == 200
    assert "Wallet staff" in response.content.decode()
    assert response.wsgi_request.path == "/admin/"


def test_staff_with_a_second_factor_must_enter_it(client: Client, root: User) -> None:
    TOTP.activate(root, TOTP_SECRET)

    client.post(f"{LOGIN}?next=/admin/", {"login": "root", "password": PASSWORD}, follow=True)
    response = client.get("/admin/", follow=True)

    assert isinstance(response.wsgi_request.user, AnonymousUser)
    assert response.wsgi_request.path == "/accounts/2fa/authenticate/"


def test_a_user_who_is_not_staff_is_refused(alice: User) -> None:
    response = browser_of(alice).get("/admin/", follow=True)

    assert response.status_code == 403
    assert "You do not have access" in response.content.decode()


def test_deactivated_staff_are_logged_out(superuser: Client, root: User) -> None:
    assert superuser.get("/admin/").status_code == 200

    User.objects.filter(pk=root.pk).update(is_active=False)

    assert superuser.get("/admin/", follow=True).wsgi_request.path == LOGIN


def test_passwords_are_changed_on_the_sites_own_page(superuser: Client) -> None:
    response = superuser.get("/admin/password_change/")

    assert response["Location"] == "/accounts/password/change/"


def test_staff_without_a_second_factor_enrol_first(client: Client, root: User) -> None:
    client.force_login(root)

    for path in ("/admin/", "/admin/wallets/user/", f"/admin/wallets/user/{root.pk}/change/"):
        response = client.get(path)
        assert (response.status_code, response["Location"]) == (302, "/accounts/2fa/totp/activate/")
    assert client.post(f"/admin/wallets/user/{root.pk}/change/", {}).status_code == 302


def test_a_session_from_before_the_second_factor_does_not_open_the_admin(client: Client, root: User) -> None:
    client.force_login(root)
    TOTP.activate(root, TOTP_SECRET)

    response = client.get("/admin/wallets/user/?q=alice")

    assert response["Location"].startswith("/accounts/2fa/reauthenticate/?next=/admin/wallets/user/")


def test_staff_enrol_and_then_enter_the_admin(client: Client, root: User) -> None:
    client.post(LOGIN, {"login": "root", "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get("/accounts/2fa/totp/activate/").content.decode()
    (secret,) = re.findall(r'<code id="totp-secret">([A-Z2-7]+)</code>', page)
    client.post("/accounts/2fa/totp/activate/", {"code": totp_code(secret)})
    (code, *_) = RecoveryCodes(Authenticator.objects.get(user=root, type="recovery_codes")).get_unused_codes()

    response = client.post("/accounts/2fa/reauthenticate/?next=/admin/", {"code": code}, follow=True)

    assert response.wsgi_request.path == "/admin/"
    assert "Wallet staff" in response.content.decode()
