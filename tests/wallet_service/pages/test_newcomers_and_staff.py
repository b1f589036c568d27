"""New users and staff at a site that uses the wallet service."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages.kit import balance_of, fill, text_of
from tests.people import PASSWORD
from tests.rpc.server import GrpcServer
from tests.wallet_service.pages.conftest import staff_signed_in
from tests.wallet_service.site import Site, Visitor
from wallets.models import ApiToken, OwedWallet, User
from wallets.tokens.services import token_issue


def test_a_user_who_signs_up_has_an_empty_wallet(client: Visitor) -> None:
    entered = {"username": "Dora", "email": "dora@example.com", "password1": PASSWORD}
    assert fill(client, "/accounts/signup/", **entered)["Location"] == "/"  # type: ignore[arg-type]
    dora = User.objects.get(username="dora")
    assert balance_of(dora) == 0
    assert not OwedWallet.objects.exists()
    assert "$0" in text_of(client.get("/"))


def test_a_program_that_registers_has_an_empty_wallet(client: Visitor) -> None:
    body = {"username": "dora", "email": "dora@example.com", "password": PASSWORD}
    answer = client.post("/api/v1/auth/register", json.dumps(body).encode(), content_type="application/json")
    assert answer.status_code == 201, answer.content
    assert balance_of(User.objects.get(username="dora")) == 0
    assert not OwedWallet.objects.exists()


@pytest.fixture
def staff(site: Site, alice: User) -> Visitor:
    return staff_signed_in(site, alice)


def test_the_admin_shows_users_and_says_where_the_books_are(staff: Visitor, bob: User) -> None:
    index = text_of(staff.get("/admin/"))
    assert "in the admin of the wallet service" in index
    assert "API tokens" in index
    assert "/admin/transactions/" not in index
    assert "/admin/wallets/wallet/" not in index
    person = staff.get(f"/admin/wallets/user/{bob.pk}/change/")
    assert person.status_code == 200
    assert "bob@example.com" in text_of(person)


def test_the_admin_has_no_pages_for_the_books(staff: Visitor) -> None:
    for path in (
        "transactions/transaction/",
        "transactions/deadletter/",
        "wallets/wallet/",
        "wallets/walletstatusevent/",
        "auth/group/",
    ):
        assert staff.get(f"/admin/{path}").status_code == 404


def test_the_other_admin_pages_open(staff: Visitor, bob: User) -> None:
    for path in ("wallets/user/", "wallets/apitoken/", "account/emailaddress/", "mfa/authenticator/"):
        assert staff.get(f"/admin/{path}").status_code == 200, path


@pytest.fixture
def fresh_site(service: GrpcServer, transactional_db: None, tmp_path: Path) -> Iterator[Site]:
    """A new site process, because the admin log caches content type ids, which the flush after each test changes."""
    site = Site(log=tmp_path / "site.log", service=service.target)
    yield site.wait_until_up()
    site.terminate()


def test_staff_can_end_a_users_token(fresh_site: Site, alice: User, bob: User) -> None:
    token, _ = token_issue(user=bob, name="lost")
    chosen = {"action": "revoke", "_selected_action": str(token.pk), "reason": "Asked by phone"}
    answer = staff_signed_in(fresh_site, alice).post("/admin/wallets/apitoken/", chosen)
    assert answer.status_code == 302, text_of(answer)
    assert not ApiToken.objects.exists()


def test_nobody_is_deactivated_or_made_staff_here(staff: Visitor, bob: User) -> None:
    answer = staff.post(f"/admin/wallets/user/{bob.pk}/change/", {"is_staff": "on", "is_superuser": "on"})
    assert answer.status_code == 403, text_of(answer)
    bob.refresh_from_db()
    assert (bob.is_active, bob.is_staff, bob.is_superuser) == (True, False, False)
