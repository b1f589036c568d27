"""Passwords are hashed with argon2id, once per attempt whatever was entered."""

import time
from collections.abc import Callable

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher, identify_hasher, make_password
from django.test import Client
from pytest_django import Settings

from tests.api.client import Api
from tests.people import PASSWORD, person
from tests.wallets.hashing import COUNTING_HASHERS, REAL_HASHERS, hashes_of
from wallets.auth.sign_in import password_check
from wallets.models import User

pytestmark = pytest.mark.django_db
#: What is typed as the name, and as the password.
ENTERED = {
    "the right password": ("alice", PASSWORD),
    "the right password, by email": ("Alice@Example.com ", PASSWORD),
    "a wrong password": ("alice", "wrong"),
    "a wrong password, by email": ("alice@example.com", "wrong"),
    "an unknown username": ("nobody", PASSWORD),
    "an unknown email": ("nobody@example.com", PASSWORD),
    "something that is neither": ("no body @ example", PASSWORD),
    "the longest password": ("alice", "x" * 1_000),
    "a deactivated account and its password": ("bob", PASSWORD),
    "a deactivated account and a wrong password": ("bob", "wrong"),
    "an account without a usable password": ("charlie", PASSWORD),
    "an account whose hash nobody can read": ("dora", PASSWORD),
}
ODD = {
    "no password": ("alice", ""),
    "no name": ("", PASSWORD),
    "nothing": ("", ""),
    "a password that is too long": ("alice", "x" * 1_001),
    "an enormous password": ("nobody", "x" * 1_000_000),
    "a name with a NUL": ("ali\0ce", PASSWORD),
}


@pytest.fixture
def everybody(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = COUNTING_HASHERS
    for name in ("alice", "bob", "charlie", "dora"):
        person(name)
    User.objects.filter(username="bob").update(is_active=False)
    User.objects.filter(username="charlie").update(password=make_password(None))
    User.objects.filter(username="dora").update(password="scrypt$made$up")


@pytest.mark.usefixtures("everybody")
@pytest.mark.parametrize("entered", (ENTERED | ODD).values(), ids=(ENTERED | ODD).keys())
def test_an_attempt_computes_exactly_one_hash(entered: tuple[str, str]) -> None:
    login, password = entered

    assert hashes_of(lambda: password_check(login=login, password=password, request=None)) == 1


def by_page(login: str, password: str) -> None:
    Client().post("/accounts/login/", {"login": login, "password": password})


def by_api(login: str, password: str) -> None:
    Api().post("/auth/login", {"username": login, "password": password})


@pytest.mark.usefixtures("everybody")
@pytest.mark.parametrize("entry_point", [by_page, by_api])
@pytest.mark.parametrize("entered", ENTERED.values(), ids=ENTERED.keys())
def test_every_entry_point_computes_exactly_one_hash(
    entry_point: Callable[[str, str], None], entered: tuple[str, str]
) -> None:
    assert hashes_of(lambda: entry_point(*entered)) == 1


@pytest.mark.usefixtures("everybody")
def test_the_admins_own_form_hashes_nothing() -> None:
    form = {"username": "alice", "password": PASSWORD}

    assert hashes_of(lambda: Client().post("/admin/login/", form)) == 0


def test_new_passwords_are_hashed_with_argon2id(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = REAL_HASHERS

    alice = person("alice")

    assert alice.password.startswith("argon2$argon2id$v=19$m=47104,t=1,p=1$")
    assert password_check(login="alice", password=PASSWORD, request=None) == alice
    assert password_check(login="alice", password="wrong", request=None) is None


def test_a_hash_takes_less_than_a_tenth_of_a_second_of_one_core(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = REAL_HASHERS

    def took_s() -> float:
        started_s = time.thread_time()
        make_password(PASSWORD)
        return time.thread_time() - started_s

    # The fastest of a few: on a busy machine, others use up the caches.
    assert 0.01 < min(took_s() for _ in range(10)) < 0.1


@pytest.fixture
def old_timer(alice: User, settings: Settings) -> User:
    """Alice, whose password was hashed by an earlier release."""
    settings.PASSWORD_HASHERS = REAL_HASHERS
    User.objects.filter(pk=alice.pk).update(password=PBKDF2PasswordHasher().encode(PASSWORD, "salt", 1_000))
    alice.refresh_from_db()
    return alice


def algorithm_of(user: User) -> str:
    user.refresh_from_db()
    return str(identify_hasher(user.password).algorithm)


def test_signing_in_replaces_an_old_hash_and_the_session_lasts(old_timer: User, client: Client) -> None:
    client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})

    assert algorithm_of(old_timer) == "argon2"
    assert client.get("/settings/").status_code == 200


def test_logging_in_over_the_api_replaces_an_old_hash(old_timer: User) -> None:
    response = Api().post("/auth/login", {"username": "alice", "password": PASSWORD})

    assert algorithm_of(old_timer) == "argon2"
    assert Api(token=response.json()["token"]).get("/me").status_code == 200  # type: ignore[attr-defined]


def test_a_wrong_password_replaces_nothing(old_timer: User, client: Client) -> None:
    client.post("/accounts/login/", {"login": "alice", "password": "wrong"})

    assert algorithm_of(old_timer) == "pbkdf2_sha256"


def test_entering_the_password_again_does_not_end_the_session(old_timer: User, client: Client) -> None:
    client.force_login(old_timer)

    response = client.post("/accounts/reauthenticate/?next=/settings/", {"password": PASSWORD})

    assert response.status_code == 302
    assert client.get("/settings/").status_code == 200


def test_sessions_that_name_the_old_backend_still_work(alice: User, client: Client) -> None:
    client.force_login(alice, backend="wallets.backends.UsernameBackend")

    assert client.get("/settings/").status_code == 200
