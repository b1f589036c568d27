"""After a change of email or second factors the owner is asked about API tokens, and nothing is revoked silently."""

import re
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.test import Client

from tests.pages.kit import read, reauthenticated, send, text_of
from tests.pages.test_addresses import change_email, link_to
from wallets.auth.staff.actions import staff_factor_remove
from wallets.models import ApiToken, User
from wallets.tokens.services import token_issue

pytestmark = pytest.mark.django_db(transaction=True)

ACTIVATE, DEACTIVATE = "/accounts/2fa/totp/activate/", "/accounts/2fa/totp/deactivate/"
CODES = "/accounts/2fa/recovery-codes/"
QUESTION = "/tokens/question/"


@pytest.fixture
def token(alice: User) -> ApiToken:
    return token_issue(user=alice, name="Till")[0]


def turn_on(client: Client) -> Any:
    found = re.search(r'<code id="totp-secret">([A-Z2-7]+)</code>', text_of(reauthenticated(client).get(ACTIVATE)))
    assert found
    return send(client, ACTIVATE, {"code": format_hotp_value(hotp_value(found[1], int(time.time()) // 30))})


def is_asked(user: User) -> bool:
    return ApiToken.objects.filter(user=user, questioned_at__isnull=False).exists()


def test_turning_two_factor_authentication_on_leads_to_the_question_first(alices: Client, token: ApiToken) -> None:
    answer = turn_on(alices)

    assert answer["Location"] == f"{QUESTION}?next=%2Faccounts%2F2fa%2Frecovery-codes%2F"
    assert "Till" in read(alices, answer["Location"])
    # Who goes elsewhere finds everything as it was, and is reminded.
    assert ApiToken.objects.filter(pk=token.pk).exists()
    assert "Keep or revoke it" in read(alices, "/settings/")
    answered = send(alices, QUESTION, {"answer": "keep", "next": CODES})
    assert answered["Location"] == CODES
    assert "Recovery codes" in read(alices, CODES)


def test_turning_it_off_leads_to_the_question(alices: Client, alice: User, token: ApiToken) -> None:
    reauthenticated(alices)
    TOTP.activate(alice, generate_totp_secret())
    ApiToken.objects.update(questioned_at=None)

    assert send(alices, DEACTIVATE, {})["Location"].startswith(QUESTION)
    assert is_asked(alice)


def test_without_tokens_nothing_is_asked(alices: Client) -> None:
    assert turn_on(alices)["Location"] == CODES
    assert alices.get(QUESTION)["Location"] == "/settings/"


def test_another_users_tokens_are_not_in_question(alices: Client, bob: User) -> None:
    token_issue(user=bob, name="Bobs till")

    assert turn_on(alices)["Location"] == CODES
    assert not is_asked(bob)


def test_a_new_email_leads_to_the_question(alices: Client, alice: User, token: ApiToken) -> None:
    change_email(reauthenticated(alices), "new@example.com")
    assert not is_asked(alice)

    answer = alices.post(link_to("new@example.com"))

    assert answer["Location"].startswith(QUESTION)
    assert is_asked(alice)


def test_an_email_that_is_confirmed_in_another_browser_asks_in_the_settings(
    alices: Client, alice: User, token: ApiToken
) -> None:
    change_email(reauthenticated(alices), "new@example.com")

    answer = Client().post(link_to("new@example.com"))

    assert not answer["Location"].startswith(QUESTION)
    assert "Keep or revoke it" in read(alices, "/settings/")


def test_a_factor_that_staff_remove_raises_the_question(
    alices: Client, alice: User, bob: User, token: ApiToken
) -> None:
    TOTP.activate(alice, generate_totp_secret())
    ApiToken.objects.update(questioned_at=None)

    staff_factor_remove(actor=bob, factor=Authenticator.objects.get(user=alice, type="totp"), reason="lost phone")

    assert "Keep or revoke it" in read(alices, "/settings/")
