"""Who may see which page."""

import pytest
from django.test import Client

from tests.pages.kit import give, text_of, wallet_of
from transactions.models import Transaction
from wallets.models import User

PAGES = [
    "/add/",
    "/withdraw/",
    "/send/",
    "/history/",
    "/wallets/",
    "/tokens/",
    "/settings/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/2fa/",
    "/accounts/security/",
    "/accounts/security/lock/",
]


@pytest.mark.parametrize("path", [*PAGES, "/send/review/", "/transactions/1/"])
def test_it_asks_an_anonymous_visitor_to_log_in(db: None, client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/?next=/")


@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"])
def test_it_shows_an_anonymous_visitor_the_pages_to_sign_up_and_log_in(db: None, client: Client, path: str) -> None:
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/", *PAGES])
def test_it_shows_a_user_every_page(alices: Client, path: str) -> None:
    assert alices.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/", "/add/", "/withdraw/", "/send/", "/history/"])
def test_it_does_not_find_another_users_wallet(alices: Client, bob: User, path: str) -> None:
    assert alices.get(path, {"wallet": str(wallet_of(bob).id)}).status_code == 404


@pytest.mark.parametrize("wallet", ["0", "-1", "abc", "9" * 40, "840", "\0"])
def test_it_does_not_find_a_wallet_with_an_impossible_id(alices: Client, wallet: str) -> None:
    assert alices.get("/", {"wallet": wallet}).status_code == 404


def test_it_does_not_find_another_users_transaction(alices: Client, bob: User) -> None:
    give(bob, 500)
    assert alices.get(f"/transactions/{Transaction.objects.get().id}/").status_code == 404


@pytest.mark.parametrize("number", ["0", "9" * 19, "9" * 5000])
def test_it_does_not_find_a_transaction_with_an_impossible_id(alices: Client, number: str) -> None:
    assert alices.get(f"/transactions/{number}/").status_code == 404


@pytest.mark.parametrize("path", ["/", "/history/", "/settings/", "/send/"])
def test_it_forbids_browsers_to_store_users_pages(alices: Client, path: str) -> None:
    assert "no-store" in alices.get(path)["Cache-Control"]


@pytest.mark.parametrize("path", ["/", "/history/", "/settings/"])
def test_it_refuses_a_post_to_a_page_without_a_form(alices: Client, path: str) -> None:
    assert alices.post(path).status_code == 405


def test_it_allows_no_inline_script_and_no_inline_style(alices: Client, alice: User) -> None:
    give(alice, 500)
    for path in ["/", "/history/", "/send/", "/add/", "/tokens/", "/accounts/2fa/totp/activate/"]:
        response = alices.get(path, follow=True)
        policy = response["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        page = text_of(response)
        assert "style=" not in page
        assert " onclick" not in page
        assert "<script>" not in page
