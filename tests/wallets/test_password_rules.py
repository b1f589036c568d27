"""New passwords must not be known from breaches, wherever they are chosen."""

from collections.abc import Callable

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from tests.api.client import Api, assert_problem
from tests.people import PASSWORD
from wallets.api.views import PASSWORD_EXAMPLE
from wallets.models import User

BREACHED = [
    "qwertyuiop",
    "password123",
    "PassWord123",
    " password123 ",
    "correct horse battery staple",
    "Correct-Horse-Battery-Staple",
    "iloveyou123",
]


@pytest.mark.parametrize("password", BREACHED)
def test_a_breached_password_is_refused(password: str) -> None:
    with pytest.raises(ValidationError, match="known from a data breach"):
        validate_password(password)


@pytest.mark.parametrize(
    "password",
    [PASSWORD, PASSWORD_EXAMPLE, "a longer phrase than before", "z u 8 k w 1 m q", "ünïcödé-pässwörter", "x9" * 500],
)
def test_other_passwords_are_accepted(password: str) -> None:
    validate_password(password)


@pytest.mark.parametrize(
    "password", ["mywallet2026!", "Wallet-Wallet-7", "passwordadmin", "staff.login.1", "Moneymoney!!", "paysafely-19"]
)
def test_a_password_of_the_sites_own_words_is_refused(settings: Settings, password: str) -> None:
    settings.SITE_URL = "https://paysafely.example"
    with pytest.raises(ValidationError, match="everybody guesses here"):
        validate_password(password)


@pytest.mark.parametrize("password", ["seven quiet wallets", "my wallet is a red one", "userland-pottery"])
def test_such_words_among_others_are_accepted(password: str) -> None:
    validate_password(password)


def test_a_password_too_short_for_the_list_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least 10 characters"):
        validate_password("xK9#mQ2$v")


def by_rest() -> bool:
    body = {"username": "dora", "email": "dora@example.com", "password": "password123"}
    problem = assert_problem(Api().post("/auth/register", body), "malformed", 400)
    return "breach" in problem["errors"]["password"][0]


def by_the_sign_up_page() -> bool:
    form = {"username": "dora", "email": "dora@example.com", "password1": "password123"}
    return _is_told(Client(), "/accounts/signup/", form)


def by_a_change() -> bool:
    client = Client()
    client.force_login(User.objects.get(username="alice"))
    form = {"oldpassword": PASSWORD, "password1": "password123", "password2": "password123"}
    return _is_told(client, "/accounts/password/change/", form)


def by_a_reset() -> bool:
    client = Client()
    client.post("/accounts/password/reset/", {"email": "alice@example.com"})
    link = next(word for word in str(mail.outbox[0].body).split() if "/reset/key/" in word)
    form = client.get(link, follow=True).wsgi_request.path
    return _is_told(client, form, {"password1": "password123", "password2": "password123"})


def _is_told(client: Client, path: str, form: dict[str, str]) -> bool:
    response = client.post(path, form)
    return response.status_code == 200 and "known from a data breach" in response.content.decode()


@pytest.mark.parametrize("choose", [by_rest, by_the_sign_up_page, by_a_change, by_a_reset])
def test_it_is_refused_wherever_it_is_chosen(alice: User, choose: Callable[[], bool]) -> None:
    assert choose()

    assert not User.objects.filter(username="dora").exists()
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_it_is_refused_by_the_command_that_sets_a_password(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getpass", lambda prompt: "password123")

    with pytest.raises(CommandError):
        call_command("changepassword", "alice")
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


TOO_LONG = "a phrase that nobody types " * 40


def test_a_password_that_is_too_long_is_refused_before_it_is_hashed(alice: User) -> None:
    body = {"username": "alice", "password": TOO_LONG}
    assert_problem(Api().post("/auth/login", body), "malformed", 400)
    response = Client().post("/accounts/login/", {"login": "alice", "password": TOO_LONG})
    assert "at most 1000 characters" in response.content.decode()


def test_nobody_can_choose_a_password_that_is_too_long_to_log_in_with(alice: User) -> None:
    form = {"username": "dora", "email": "dora@example.com", "password1": TOO_LONG}
    assert "at most 1000 characters" in Client().post("/accounts/signup/", form).content.decode()
    client = Client()
    client.force_login(alice)
    change = {"oldpassword": PASSWORD, "password1": TOO_LONG, "password2": TOO_LONG}
    assert "at most 1000 characters" in client.post("/accounts/password/change/", change).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("typed", [" Seven quiet Lanterns", "Seven quiet Lanterns ", "seven quiet lanterns", "Seven"])
def test_a_password_is_compared_exactly_as_it_was_typed(alice: User, typed: str) -> None:
    alice.set_password("Seven quiet Lanterns")
    alice.save()
    for password, status in ((typed, 401), ("Seven quiet Lanterns", 200)):
        assert Api().post("/auth/login", {"username": "alice", "password": password}).status_code == status
        page = Client().post("/accounts/login/", {"login": "alice", "password": password})
        assert (page.status_code == 302) == (status == 200)
