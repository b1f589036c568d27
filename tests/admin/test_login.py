"""Who can log in to the admin, and how."""

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.models import AnonymousUser
from django.test import Client

from tests.admin.conftest import browser_of
from tests.people import PASSWORD
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
    response = client.post(f"{LOGIN}?next=/admin/", {"login": "root", "password": PASSWORD}, follow=True)

    assert response.status_code == 200
    assert "Wallet staff" in response.content.decode()
    assert response.wsgi_request.path == "/admin/"


def test_staff_with_a_second_factor_must_enter_it(client: Client, root: User) -> None:
    TOTP.activate(root, "JBSWY3DPEHPK3PXP")

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
