"""The secrets of second factors are sealed in Postgres: nobody reads or moves them there, and keys can be replaced."""

import io
import json
import logging
import time
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from pytest_django import Settings

from tests.api.client import Api, assert_problem
from tests.database import acting_as, acting_as_superuser
from tests.pages.kit import reauthenticated
from tests.people import PASSWORD, person
from wallet_project.embedded import RUNTIME_ROLE, WEB_ROLE
from wallets.auth.factors.rotation import factor_secrets_rotate
from wallets.auth.factors.secrets import FactorUnreadableError, secret_open, secret_renew
from wallets.auth.sign_in import second_factor_check
from wallets.models import User

pytestmark = pytest.mark.django_db
SECRET = "JBSWY3DPEHPK3PXP"
OLD_KEY = "old-0kX9uT3vQw7yZ1aB5cD8eF0gH2iJ4kL6mNoP1qR3sT5uV7wX9yZ"
NEW_KEY = "new-1kX9uT3vQw7yZ1aB5cD8eF0gH2iJ4kL6mNoP1qR3sT5uV7wX9yZ"


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(time.time(), tick=False) as coordinates:
        yield coordinates


def protect(user: User) -> User:
    TOTP.activate(user, SECRET)
    RecoveryCodes.activate(user)
    return user


def code() -> str:
    return str(format_hotp_value(hotp_value(SECRET, int(time.time()) // 30)))


def accepted(user: User, entered: str) -> bool:
    return second_factor_check(user=user, code=entered, request=None) is not None


def factor(user: User, kind: str = "totp") -> Authenticator:
    return Authenticator.objects.get(user=user, type=kind)


def stored(user: User, kind: str = "totp") -> str:
    return str(factor(user, kind).data["secret" if kind == "totp" else "seed"])


def store(user: User, kind: str, data: dict[str, object]) -> None:
    """Writes as somebody can who is above the guards."""
    with acting_as_superuser(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "UPDATE mfa_authenticator SET data = %s WHERE user_id = %s AND type = %s",
            [json.dumps(data), user.pk, kind],
        )
        cursor.execute("SET LOCAL session_replication_role = origin")


def store_plain(user: User) -> tuple[str, str]:
    """Makes the user's secrets look as an earlier release left them. Returns them."""
    plain = []
    for kind, name in (("totp", "secret"), ("recovery_codes", "seed")):
        data = factor(user, kind).data
        plain.append(secret_open(data[name], user_id=user.pk))
        store(user, kind, {**data, name: plain[-1]})
    return plain[0], plain[1]


def test_the_table_contains_neither_a_secret_nor_a_recovery_code(alice: User, client: Client) -> None:
    client.force_login(alice)
    reauthenticated(client)
    client.get("/accounts/2fa/totp/activate/")
    secret = client.session["mfa.totp.secret"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(wallets_browsersession::text, ' ') FROM wallets_browsersession")
        sessions = str(cursor.fetchone()[0])
    entered = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
    client.post("/accounts/2fa/totp/activate/", {"code": entered})
    codes = factor(alice, "recovery_codes").wrap().get_unused_codes()

    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(mfa_authenticator::text, ' ') FROM mfa_authenticator")
        dump = str(cursor.fetchone()[0])

    assert dump.count("sealed:1:") == 2
    seed = secret_open(stored(alice, "recovery_codes"), user_id=alice.pk)
    assert not [each for each in (secret, seed, *codes) if each in dump]
    assert secret not in sessions
    page = client.get("/accounts/2fa/recovery-codes/").content.decode()
    assert all(each in page for each in codes)
    assert "sealed:1:" not in page


def test_a_sealed_secret_does_not_open_for_another_user_or_as_another_kind(alice: User) -> None:
    protect(alice)
    assert secret_open(stored(alice), user_id=alice.pk, kind="totp") == SECRET
    for user_id, kind in ((alice.pk + 1, "totp"), (alice.pk, "recovery_codes")):
        with pytest.raises(FactorUnreadableError, match="second factor cannot be checked"):
            secret_open(stored(alice), user_id=user_id, kind=kind)


@pytest.mark.parametrize("edit", ["readdressed", "flipped", "cut", "no base64"])
def test_a_changed_secret_does_not_open(alice: User, edit: str) -> None:
    protect(alice)
    sealed = stored(alice)
    head, body = sealed.rsplit(":", 1)
    changed = {
        "readdressed": sealed.replace(f":{alice.pk}:", f":{alice.pk + 1}:"),
        "flipped": f"{head}:{body[:20]}{'A' if body[20] != 'A' else 'B'}{body[21:]}",
        "cut": sealed[:-8],
        "no base64": f"{head}:ä",
    }[edit]
    with pytest.raises(FactorUnreadableError):
        secret_open(changed, user_id=alice.pk + (edit == "readdressed"), kind="totp")


@pytest.mark.parametrize("kind", ["totp", "recovery_codes"])
def test_copying_the_row_of_a_factor_lets_nobody_into_anothers_account(
    alice: User, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    protect(alice)
    thief = protect(person("mallory"))
    entered = code() if kind == "totp" else factor(thief, kind).wrap().get_unused_codes()[0]
    store(alice, kind, factor(thief, kind).data)

    with pytest.raises(FactorUnreadableError), caplog.at_level(logging.ERROR):
        accepted(alice, entered)
    assert "tampered" in caplog.text


@pytest.mark.parametrize("role", [RUNTIME_ROLE, WEB_ROLE])
@pytest.mark.parametrize(
    "statement",
    [
        'UPDATE mfa_authenticator SET data = \'{{"secret": "JBSWY3DPEHPK3PXP"}}\' WHERE user_id = {alice}',
        "UPDATE mfa_authenticator SET data = '{{}}' WHERE user_id = {alice}",
        "UPDATE mfa_authenticator SET user_id = {bob} WHERE user_id = {alice}",
        "UPDATE mfa_authenticator SET type = 'recovery_codes' WHERE user_id = {alice}",
        (
            "INSERT INTO mfa_authenticator (user_id, type, data, created_at) "
            "SELECT {bob}, type, data, now() FROM mfa_authenticator"
        ),
        (
            "INSERT INTO mfa_authenticator (user_id, type, data, created_at) "
            "VALUES ({bob}, 'recovery_codes', '{{\"seed\": \"0123\"}}', now())"
        ),
    ],
)
def test_postgres_stores_no_secret_in_plain_text_or_of_somebody_else(
    alice: User, bob: User, role: str, statement: str
) -> None:
    TOTP.activate(alice, SECRET)
    with (
        acting_as(role),
        pytest.raises(IntegrityError, match="must be sealed for its user"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format(alice=alice.pk, bob=bob.pk))


def test_the_upgrade_seals_what_an_earlier_release_stored(alice: User, bob: User) -> None:
    migration: Any = import_module("wallets.migrations.0019_factor_secrets_all_sealed")
    protect(bob)
    sealed_before = factor(bob).data
    secret, seed = store_plain(protect(alice))

    with acting_as_superuser(), connection.cursor() as cursor:
        # While the guard still lets rows be that are in plain text.
        cursor.execute(migration.BEFORE)
        migration.secrets_seal(apps, None)
        cursor.execute(migration.NOW)

    assert secret_open(stored(alice), user_id=alice.pk, kind="totp") == secret
    assert secret_open(stored(alice, "recovery_codes"), user_id=alice.pk, kind="recovery_codes") == seed
    assert factor(bob).data == sealed_before
    assert accepted(alice, code())
    assert accepted(alice, factor(alice, "recovery_codes").wrap().get_unused_codes()[0])


def test_a_secret_in_plain_text_opens_nothing(alice: User, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever can write past the guards would otherwise give an account a factor of their own."""
    store_plain(protect(alice))

    with pytest.raises(FactorUnreadableError), caplog.at_level(logging.ERROR):
        accepted(alice, code())
    assert "not sealed" in caplog.text


def test_postgres_keeps_no_secret_in_plain_text(alice: User) -> None:
    store_plain(protect(alice))
    with pytest.raises(IntegrityError, match="must be sealed"), transaction.atomic():
        Authenticator.objects.update(last_used_at=None)


def rotated() -> str:
    out = io.StringIO()
    call_command("factor_secrets_rotate", stdout=out)
    return out.getvalue()


def test_a_key_is_replaced_without_anybody_noticing(alice: User, bob: User, settings: Settings) -> None:
    # From the key of earlier releases to one of its own, and on to the next.
    protect(alice)
    settings.FACTOR_KEYS = [OLD_KEY]
    protect(bob)
    assert accepted(alice, code())
    settings.FACTOR_KEYS = [NEW_KEY, OLD_KEY]
    assert accepted(bob, code())

    assert rotated() == "3 sealed with the newest key, 1 had been already.\n"
    assert rotated() == "0 sealed with the newest key, 4 had been already.\n"
    settings.FACTOR_KEYS = [NEW_KEY]
    settings.SECRET_KEY = OLD_KEY[::-1]

    assert factor(alice, "recovery_codes").wrap().get_unused_codes()
    assert secret_open(stored(alice), user_id=alice.pk) == secret_open(stored(bob), user_id=bob.pk) == SECRET


def test_without_a_key_of_its_own_a_new_secret_key_needs_the_old_one_as_fallback(
    alice: User, settings: Settings
) -> None:
    protect(alice)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], NEW_KEY
    assert accepted(alice, code())
    rotated()
    settings.SECRET_KEY_FALLBACKS = []
    assert secret_open(stored(alice), user_id=alice.pk) == SECRET


def test_a_stopped_run_is_continued_by_the_next(
    alice: User, bob: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    protect(alice)
    protect(bob)
    settings.FACTOR_KEYS = [NEW_KEY]
    monkeypatch.setattr("wallets.auth.factors.rotation._BATCH", 1)
    seen = []

    def stopped_at_the_third(*given: str, **more: object) -> str:
        seen.append(1)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return secret_renew(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("wallets.auth.factors.rotation.secret_renew", stopped_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        factor_secrets_rotate()
    left = factor_secrets_rotate()
    assert (left.renewed, left.current, left.unreadable) == (2, 2, [])


@pytest.fixture
def locked_out(alice: User, settings: Settings) -> User:
    """Alice, whose factors were sealed with a key that is gone."""
    settings.FACTOR_KEYS = [OLD_KEY]
    protect(alice)
    settings.FACTOR_KEYS = [NEW_KEY]
    return alice


def test_a_lost_key_is_the_sites_fault_and_no_wrong_code(
    locked_out: User, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        for _ in range(7):
            answer = Api().post("/auth/login", {"username": "alice", "password": PASSWORD, "otp": code()})
            assert_problem(answer, "unavailable", 503)
    assert "is not among FACTOR_KEYS" in caplog.text
    assert SECRET not in caplog.text

    client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    page = client.post("/accounts/2fa/authenticate/", {"code": code()})
    assert page.status_code == 503
    assert "wrong" not in page.content.decode()
    client.force_login(locked_out)
    assert client.get("/accounts/2fa/").status_code == 503


def test_a_factor_that_can_be_read_still_works_beside_one_that_cannot(alice: User, settings: Settings) -> None:
    settings.FACTOR_KEYS = [OLD_KEY]
    TOTP.activate(alice, SECRET)
    settings.FACTOR_KEYS = [NEW_KEY]
    RecoveryCodes.activate(alice)

    assert accepted(alice, factor(alice, "recovery_codes").wrap().get_unused_codes()[0])


def test_the_command_names_what_cannot_be_read_and_rotates_the_rest(
    locked_out: User, bob: User, settings: Settings
) -> None:
    keys, settings.FACTOR_KEYS = settings.FACTOR_KEYS, []
    protect(bob)
    before, settings.FACTOR_KEYS = stored(bob), keys
    with pytest.raises(CommandError, match=f"2 cannot be read, among them the factors {factor(locked_out).pk}"):
        rotated()
    assert stored(bob) != before
    assert secret_open(stored(bob), user_id=bob.pk) == SECRET
