"""Forms that are submitted too often get a friendly page, do nothing, and lose none of the user's input."""

from typing import Any

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core import mail
from django.core.cache import cache
from django.db import InterfaceError, OperationalError
from django.test import Client
from django.urls import reverse
from django_redis import get_redis_connection
from pytest_django import Settings

from tests.pages.kit import balance_of, fields_of, fill, give, send, text_of
from tests.people import PASSWORD
from tests.throttling.counters import counted
from transactions.models import Transaction
from wallets.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("one_window")]
LOGIN, RESET, SIGN_UP = "/accounts/login/", "/accounts/password/reset/", "/accounts/signup/"


def sign_in(name: str = "alice", *, address: str = "192.0.2.1", password: str = "wrong") -> int:
    client = Client(REMOTE_ADDR=address)
    return client.post(LOGIN, {"login": name, "password": password}).status_code


def admitted(statuses: list[int]) -> int:
    """The number of answers before the first refusal. Everything after it must be refused too."""
    count = statuses.index(429)
    assert set(statuses[count:]) == {429}
    return count


def test_guessing_one_persons_password_is_limited_from_any_address(alice: User, bob: User) -> None:
    statuses = [sign_in("Alice ", address=f"192.0.2.{number}") for number in range(15)]

    assert admitted(statuses) == 10
    assert sign_in("alice", address="198.51.100.7", password=PASSWORD) == 429
    assert sign_in("bob", address="198.51.100.7", password=PASSWORD) == 302


def test_trying_many_names_from_one_address_is_limited(alice: User) -> None:
    assert admitted([sign_in(f"name{number}") for number in range(35)]) == 30

    assert sign_in("alice", address="198.51.100.7", password=PASSWORD) == 302


def test_guessing_the_second_factor_is_limited_per_user_not_per_browser(alice: User) -> None:
    TOTP.activate(alice, generate_totp_secret())
    RecoveryCodes.activate(alice)
    guesses = []
    for number in range(7):
        client = Client(REMOTE_ADDR=f"192.0.2.{number}")
        client.post(LOGIN, {"login": "alice", "password": PASSWORD})
        guesses.append(client.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code)

    assert admitted(guesses) == 5


def test_guessing_in_an_unattended_browser_is_limited_across_all_pages_together(alices: Client) -> None:
    names = ("account_reauthenticate", "account_change_password", "mfa_reauthenticate", "mfa_activate_totp")
    paths = [reverse(name) for name in names] * 4

    assert admitted([alices.post(path, {"password": "wrong", "code": "000000"}).status_code for path in paths]) == 10


@pytest.mark.usefixtures("one_of_each")
def test_the_forms_of_a_user_are_counted_together_from_any_address_and_apart_from_other_users(
    alice: User, bob: User
) -> None:
    def send_one(user: User, address: str) -> int:
        client = Client(REMOTE_ADDR=address)
        client.force_login(user)
        return client.post("/add/", {}).status_code

    assert send_one(alice, "192.0.2.1") == 422
    assert send_one(alice, "192.0.2.2") == 429
    assert send_one(bob, "192.0.2.1") == 422


def test_opening_accounts_is_limited_by_address(client: Client) -> None:
    assert admitted([client.post(SIGN_UP, {"username": "x"}).status_code for _ in range(25)]) == 20


def test_password_resets_cannot_flood_a_mailbox(alice: User, client: Client) -> None:
    statuses = [
        Client(REMOTE_ADDR=f"192.0.2.{number}").post(RESET, {"email": "alice@example.com"}).status_code
        for number in range(6)
    ]

    assert admitted(statuses) == 3
    assert len(mail.outbox) == 3


def test_address_confirmations_cannot_flood_a_mailbox(alices: Client) -> None:
    statuses = [
        alices.post("/accounts/email/", {"action_send": "", "email": "alice@example.com"}).status_code for _ in range(6)
    ]

    assert admitted(statuses) == 3
    assert len(mail.outbox) == 3


@pytest.mark.usefixtures("one_of_each")
def test_the_refusal_says_how_long_to_wait_and_links_back_to_the_form(client: Client) -> None:
    client.post(f"{LOGIN}?next=/send/", {"login": "alice", "password": "wrong"})

    response = client.post(f"{LOGIN}?next=/send/", {"login": "alice", "password": "wrong"})

    page = text_of(response)
    assert response.status_code == 429
    assert 1 <= int(response["Retry-After"]) <= 60
    assert "Too many attempts" in page
    assert "Nothing was changed this time" in page
    assert 'href="/accounts/login/?next=/send/"' in page
    assert "no-store" in response["Cache-Control"]


@pytest.mark.usefixtures("one_of_each")
def test_the_refusal_does_not_link_to_a_url_that_only_accepts_posts(alices: Client) -> None:
    for _ in range(2):
        response = alices.post("/tokens/revoke/", {"digest": "made up"})

    assert response.status_code == 429
    assert "Try again" not in text_of(response)


@pytest.mark.usefixtures("one_of_each")
@pytest.mark.parametrize(("path", "kept"), [("/add/", 7_000), ("/withdraw/", 3_000)])
def test_a_refused_money_form_keeps_the_input_and_can_be_sent_again_unchanged(
    alices: Client, alice: User, path: str, kept: int
) -> None:
    give(alice, 5_000)
    alices.post(path, {})
    typed = fields_of(alices.get(path)) | {"amount": "20", "memo": "Rent & more"}

    refused = send(alices, path, typed)

    assert refused.status_code == 429
    assert int(refused["Retry-After"]) >= 1
    assert "Too many attempts" in text_of(refused)
    assert fields_of(refused) == typed
    assert (balance_of(alice), Transaction.objects.count()) == (5_000, 1)

    cache.clear()
    assert send(alices, path, fields_of(refused)).status_code == 302
    assert balance_of(alice) == kept


@pytest.mark.usefixtures("one_of_each")
def test_a_refused_transfer_keeps_the_input(alices: Client, alice: User, bob: User) -> None:
    give(alice, 5_000)
    alices.post("/send/", {})
    typed = fields_of(alices.get("/send/")) | {"recipient": "bob", "amount": "20", "memo": "Lunch"}

    refused = send(alices, "/send/", typed)

    assert refused.status_code == 429
    assert fields_of(refused) == typed

    cache.clear()
    assert send(alices, "/send/", fields_of(refused))["Location"] == "/send/review/"


def test_a_refused_confirmation_shows_the_review_again_and_sends_nothing(
    alices: Client, alice: User, bob: User, settings: Settings
) -> None:
    give(alice, 5_000)
    fill(alices, "/send/", recipient="bob", amount="20")
    review = fields_of(alices.get("/send/review/"))
    settings.THROTTLE_SCALE = 0.0
    cache.clear()
    alices.post("/send/", {})

    refused = send(alices, "/send/review/", review)

    assert refused.status_code == 429
    assert "Nothing was sent" in text_of(refused)
    assert "$20.00" in text_of(refused)
    assert balance_of(bob) == 0

    cache.clear()
    assert send(alices, "/send/review/", fields_of(refused)).status_code == 302
    assert balance_of(bob) == 2_000


@pytest.mark.usefixtures("one_of_each")
def test_a_refused_form_still_shows_its_mistakes(alices: Client) -> None:
    alices.post("/add/", {})

    refused = fill(alices, "/add/", amount="twenty")

    assert refused.status_code == 429
    assert "Too many attempts" in text_of(refused)


@pytest.mark.usefixtures("one_of_each")
def test_viewing_a_page_is_not_counted(alices: Client) -> None:
    assert {alices.get("/add/").status_code for _ in range(5)} == {200}

    assert fill(alices, "/add/", amount="5").status_code == 302


@pytest.mark.usefixtures("one_of_each")
def test_forms_without_a_csrf_token_are_not_counted_against_the_user(alice: User) -> None:
    elsewhere = Client(enforce_csrf_checks=True)
    elsewhere.force_login(alice)
    for _ in range(3):
        assert elsewhere.post("/add/", {"amount": "5"}).status_code == 403

    here = Client()
    here.force_login(alice)
    assert fill(here, "/add/", amount="5").status_code == 302


def test_a_person_at_an_ordinary_pace_never_reaches_a_limit(alices: Client, alice: User, bob: User) -> None:
    give(alice, 5_000)
    for _ in range(4):
        assert fill(alices, "/add/", amount="5").status_code == 302
        assert fill(alices, "/send/", recipient="bob", amount="1").status_code == 302
        assert fill(alices, "/send/review/").status_code == 302

    assert balance_of(bob) == 400


def test_when_limits_are_off_only_wrong_guesses_are_limited(alice: User, settings: Settings) -> None:
    settings.THROTTLE_ENABLED = False

    assert {sign_in(f"name{number}") for number in range(35)} == {200}
    assert admitted([sign_in() for _ in range(15)]) == 10


def test_the_counters_are_in_redis_and_contain_no_names_or_addresses(alice: User) -> None:
    sign_in()

    keys: list[Any] = get_redis_connection().keys("wallet:limits:*")
    assert len(keys) == 1
    assert not [key for key in keys if b"alice" in key or b"192.0.2" in key]


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_without_postgres_a_form_gets_503(
    alices: Client, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def gone(request: object) -> None:
        raise error("gone")

    monkeypatch.setattr("django.contrib.auth.middleware.get_user", gone)

    assert alices.post("/wallets/", {"currency": "EUR"}).status_code == 503


@pytest.mark.usefixtures("one_of_each")
def test_refused_forms_are_counted_by_policy(alices: Client) -> None:
    before = counted("wallet_throttled", policy="form-money")

    for _ in range(3):
        alices.post("/add/", {})

    assert counted("wallet_throttled", policy="form-money") == before + 2
