"""The pages about API tokens: creating one with scopes, limits and an expiry, and what follows a change of sign-in."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from tests.pages.kit import fill, forms_of, give, read, reauthenticated, send, text_of, wallet_of
from tests.pages.test_wallets_and_tokens import secret_of
from transactions.services import withdrawal_create
from wallets.auth.token_uses import notes_write
from wallets.domain.mandates import Ceiling, Mandate, Scope
from wallets.models import ApiToken, User
from wallets.models.security import SecurityEvent
from wallets.models.tokens import TokenCeiling
from wallets.services import wallet_open
from wallets.tokens.services import token_issue, tokens_question

pytestmark = pytest.mark.django_db(transaction=True)


def create(client: Client, **entered: str) -> Any:
    return fill(reauthenticated(client), "/tokens/", **{"name": "Till", "valid_days": "30", **entered})


def test_a_new_token_may_only_read_unless_the_user_says_otherwise(alices: Client, alice: User) -> None:
    assert create(alices).status_code == 201
    assert ApiToken.objects.get(user=alice).scopes == ["read"]


def test_it_creates_a_token_with_limits(alices: Client, alice: User) -> None:
    wallet_open(owner=alice, currency="JPY")
    response = create(alices, scope="move_money", per_payment_USD="$12.50", per_day_USD="1,000", per_day_JPY="500")

    assert response.status_code == 201
    assert ApiToken.objects.get(user=alice).scopes == ["read", "move_money"]
    stored = TokenCeiling.objects.order_by("currency").values_list("currency", "per_payment", "per_day")
    assert list(stored) == [("JPY", None, 500), ("USD", 1_250, 100_000)]
    page = read(alices, "/tokens/")
    assert "$12.50 per payment" in page
    assert "$1,000.00 per day ($0.00 spent today)" in page
    assert "¥500 per day (¥0 spent today)" in page


def test_a_token_without_limits_says_so(alices: Client) -> None:
    create(alices, scope="move_money")
    assert "No spending limit" in read(alices, "/tokens/")


@pytest.mark.parametrize("days", [1, 7, 30, 90, 365])
def test_the_user_chooses_when_it_expires(alices: Client, alice: User, days: int) -> None:
    create(alices, valid_days=str(days))
    expiry = ApiToken.objects.get(user=alice).expiry
    assert expiry
    assert abs(expiry - timezone.now() - timedelta(days=days)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("entered", "field"),
    [
        ({"scope": "sign_in"}, "scope"),
        ({"scope": "read", "per_day_USD": "5"}, "scope"),
        ({"scope": "move_money", "per_day_USD": "five"}, "per_day_USD"),
        ({"scope": "move_money", "per_payment_USD": "0"}, "per_payment_USD"),
        ({"scope": "move_money", "per_payment_USD": "1.234"}, "per_payment_USD"),
        ({"valid_days": "366"}, "valid_days"),
        ({"valid_days": ""}, "valid_days"),
    ],
)
def test_it_refuses_a_token_that_makes_no_sense(
    alices: Client, alice: User, entered: dict[str, str], field: str
) -> None:
    response = create(alices, **entered)

    assert response.status_code == 422
    assert f'id="id_{field}_error"' in text_of(response)
    assert not ApiToken.objects.filter(user=alice).exists()


def test_the_mail_about_a_new_token_says_what_it_may_do(alices: Client) -> None:
    create(alices, scope="move_money", per_payment_USD="12.50", per_day_USD="100")
    body = mail.outbox[-1].body
    assert "view your wallets and move money until" in body
    assert "- USD: at most $12.50 per payment, at most $100.00 per day" in body

    create(alices, scope="move_money")
    assert "It has no spending limits." in mail.outbox[-1].body
    create(alices)
    assert "can view your wallets until" in mail.outbox[-1].body


def test_the_security_log_says_what_it_may_do(alices: Client, alice: User) -> None:
    create(alices, scope="move_money", per_day_USD="1")
    event = SecurityEvent.objects.get(user=alice, kind="token_created")
    assert event.detail == {
        "name": "Till",
        "scopes": ["read", "move_money"],
        "ceilings": [{"currency": "USD", "per_payment": None, "per_day": 100}],
    }


def test_the_page_shows_what_is_spent_today(alices: Client, alice: User) -> None:
    give(alice, 5_000)
    token, _ = token_issue(user=alice, name="Till", ceilings=[Ceiling(currency="USD", per_day=2_000)])
    mandate = Mandate(scopes=frozenset(Scope), ceilings_of=token.digest)
    withdrawal_create(actor=alice, wallet_id=wallet_of(alice).id, amount=750, mandate=mandate)

    assert "$20.00 per day ($7.50 spent today)" in read(alices, "/tokens/")


def test_the_page_shows_when_and_from_where_a_token_was_used(alices: Client) -> None:
    secret = secret_of(create(alices))
    assert "never used" in read(alices, "/tokens/")

    Client(REMOTE_ADDR="203.0.113.7").get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"})
    notes_write()

    assert "used in the last hour from 203.0.113.7" in " ".join(read(alices, "/tokens/").split())
    ApiToken.objects.update(last_used_at=timezone.now() - timedelta(hours=3, minutes=5))
    assert "last used 3\xa0hours ago" in read(alices, "/tokens/")


def test_all_tokens_are_revoked_at_once(alices: Client, alice: User, bob: User) -> None:
    for user in (alice, alice, bob):
        token_issue(user=user, name="Till")
    assert "Revoke 2 tokens" in read(alices, "/tokens/")

    assert send(alices, "/tokens/revoke-all/", {})["Location"] == "/tokens/"

    assert [token.user for token in ApiToken.objects.all()] == [bob]
    assert SecurityEvent.objects.filter(user=alice, kind="token_revoked").count() == 2


def test_an_open_question_is_shown_until_it_is_answered(alices: Client, alice: User) -> None:
    token_issue(user=alice, name="Till")
    assert "Keep or revoke" not in read(alices, "/settings/")
    tokens_question(user=alice)
    token_issue(user=alice, name="Made later")

    for path in ("/settings/", "/tokens/"):
        assert "Keep or revoke it" in read(alices, path)
    asked = read(alices, "/tokens/question/")
    assert "Till" in asked
    assert "Made later" not in asked
    assert send(alices, "/tokens/question/", {"answer": "keep"})["Location"] == "/settings/"

    assert ApiToken.objects.count() == 2
    assert "Keep or revoke" not in read(alices, "/settings/")
    assert alices.get("/tokens/question/")["Location"] == "/settings/"


def test_only_the_tokens_in_question_are_revoked(alices: Client, alice: User, bob: User) -> None:
    for user in (alice, bob):
        token_issue(user=user, name="Old")
        tokens_question(user=user)
    token_issue(user=alice, name="New")

    send(alices, "/tokens/question/", {"answer": "revoke", "next": "/accounts/2fa/"})

    assert set(ApiToken.objects.values_list("user__username", "name")) == {("alice", "New"), ("bob", "Old")}


@pytest.mark.parametrize(
    "following", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "", "x", "1:1", "a\0"]
)
def test_the_question_leads_nowhere_else(alices: Client, alice: User, following: str) -> None:
    token_issue(user=alice, name="Till")
    tokens_question(user=alice)

    answer = send(alices, "/tokens/question/", {"answer": "keep", "next": following})

    assert answer["Location"] == "/settings/"


def test_an_answer_that_is_none_changes_nothing(alices: Client, alice: User) -> None:
    token_issue(user=alice, name="Till")
    tokens_question(user=alice)

    assert send(alices, "/tokens/question/", {"answer": "maybe"}).status_code == 200
    assert ApiToken.objects.get().questioned_at


def test_the_question_offers_both_answers_in_one_form(alices: Client, alice: User) -> None:
    token_issue(user=alice, name="Till")
    tokens_question(user=alice)

    page = alices.get("/tokens/question/?next=/accounts/2fa/")

    assert forms_of(page)[0]["next"] == "/accounts/2fa/"
    assert text_of(page).count('name="answer"') == 2
