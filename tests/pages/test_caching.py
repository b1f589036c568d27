"""No cache keeps what belongs to one user, unless it can ask whether that is still the newest."""

import pytest
from django.test import Client

from tests.api.client import Api
from tests.people import PASSWORD
from wallets.models import User
from wallets.tokens.services import token_issue

PAGES = [
    "/", "/history/", "/send/", "/add/", "/withdraw/", "/wallets/", "/settings/", "/tokens/", "/nothing/",
    "/transactions/1/", "/accounts/email/", "/accounts/password/change/", "/accounts/2fa/",
    "/accounts/2fa/totp/activate/", "/accounts/reauthenticate/", "/accounts/logout/",
]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("path", PAGES)
def test_no_cache_keeps_a_page_of_a_signed_in_user(client: Client, alice: User, path: str) -> None:
    client.force_login(alice)
    response = client.get(path)
    assert response.status_code != 410
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_no_cache_keeps_a_page_of_the_admin(client: Client) -> None:
    client.force_login(User.objects.create_superuser("root", "root@example.com", "x"))
    assert "no-store" in client.get("/admin/")["Cache-Control"]


@pytest.mark.django_db
def test_no_cache_keeps_the_page_that_signs_somebody_in(client: Client, alice: User) -> None:
    response = client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    assert response.status_code == 302
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_the_api_lets_a_client_keep_only_what_it_can_revalidate(alice: User) -> None:
    _, token = token_issue(user=alice, name="test")
    api = Api(token=token)
    wallet = alice.wallets.get()
    read = api.get(f"/wallets/{wallet.pk}")
    assert read["Cache-Control"] == "private, no-cache"
    assert "ETag" in read
    answers = [
        api.post(f"/wallets/{wallet.pk}/deposits", {"amount": 1}),
        api.post("/auth/login", {"username": "alice", "password": PASSWORD}),
        Api().post("/auth/login", {"username": "alice", "password": "wrong"}),
        api.get("/wallets/1"),
    ]
    assert ["no-store" in answer["Cache-Control"] for answer in answers] == [True] * len(answers)
