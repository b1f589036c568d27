"""Tokens and accounts as a web process without books can make them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import psycopg
import pytest
from django.db import connection
from django.utils import timezone
from psycopg.types.json import Jsonb

from tests.people import person
from tests.servers import role_url
from wallet_project.embedded import RUNTIME_ROLE, WEB_ROLE
from wallets.domain.mandates import Ceiling
from wallets.models import ApiToken, User
from wallets.models.tokens import TokenCeiling
from wallets.tokens.services import token_issue as issue

pytestmark = pytest.mark.django_db(transaction=True)


def token_issue(
    user: User,
    *,
    role: str = WEB_ROLE,
    columns: Mapping[str, object] | None = None,
    ceilings: Sequence[Mapping[str, object]] = (),
) -> None:
    """Calls the function as an attacker would, who is not bound to this site's code."""
    values = {
        "digest": "0" * 128,
        "token_key": "0" * 15,
        "created": timezone.now(),
        "expiry": timezone.now() + timedelta(days=30),
        "name": "a program",
        "scopes": ["read"],
        "user_id": user.pk,
        **(columns or {}),
    }
    row = {name: _json(value) for name, value in values.items()}
    with psycopg.connect(role_url(role, database=connection.settings_dict["NAME"]), autocommit=True) as web:
        web.execute(
            """SELECT token_issue(
                jsonb_populate_record(NULL::wallets_apitoken, %s),
                ARRAY(SELECT jsonb_populate_recordset(NULL::wallets_tokenceiling, %s))
            )""",
            [Jsonb(row), Jsonb(list(ceilings))],
        )


def _json(value: object) -> object:
    """Durations count from now."""
    moment = timezone.now() + value if isinstance(value, timedelta) else value
    return moment.isoformat() if isinstance(moment, datetime) else moment


@pytest.fixture
def alice() -> User:
    return person("alice")


@pytest.mark.parametrize("role", [WEB_ROLE, RUNTIME_ROLE])
def test_it_issues_a_token_for_an_active_account(alice: User, role: str) -> None:
    token_issue(alice, role=role)
    assert ApiToken.objects.get().user == alice


@pytest.mark.parametrize(
    ("columns", "rule"),
    [
        ({"expiry": None}, "token_ends_within_a_year"),
        ({"expiry": timedelta(days=367)}, "token_ends_within_a_year"),
        ({"expiry": -timedelta(seconds=5)}, "token_ends_within_a_year"),
        ({"created": None}, "token_ends_within_a_year"),
        ({"created": -timedelta(days=1)}, "token_ends_within_a_year"),
        ({"created": timedelta(days=1)}, "token_ends_within_a_year"),
        ({"scopes": []}, "apitoken_scopes_known"),
        ({"scopes": ["move_money"]}, "apitoken_scopes_known"),
        ({"scopes": ["read", "sign_in"]}, "apitoken_scopes_known"),
        ({"user_id": 0}, "token_of_an_active_account"),
        ({"user_id": None}, "token_of_an_active_account"),
    ],
    ids=str,
)
def test_it_refuses_a_token_that_is_wrong(alice: User, columns: dict[str, object], rule: str) -> None:
    with pytest.raises(psycopg.errors.IntegrityError) as refused:
        token_issue(alice, columns=columns)
    assert refused.value.diag.constraint_name == rule
    assert not ApiToken.objects.exists()


def test_it_refuses_a_token_for_an_account_that_may_not_sign_in(alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    with pytest.raises(psycopg.errors.IntegrityError) as refused:
        token_issue(alice)
    assert refused.value.diag.constraint_name == "token_of_an_active_account"


def test_it_cannot_replace_a_token(alice: User) -> None:
    token_issue(alice)
    with pytest.raises(psycopg.errors.UniqueViolation):
        token_issue(person("bob"))
    assert ApiToken.objects.get().user == alice


def test_ceilings_belong_to_the_new_token_and_nothing_is_spent_yet(alice: User) -> None:
    """Whatever token and spending the caller names. So nobody adds a ceiling, and with it a currency, to a token
    that exists."""
    older, _ = issue(user=alice, name="older", ceilings=[Ceiling(currency="USD", per_day=1)])
    row = {"token_id": older.digest, "currency": "EUR", "per_day": 500, "spent": -500, "day": "2000-01-01"}

    token_issue(alice, ceilings=[row])

    stored = TokenCeiling.objects.values_list("token", "currency", "per_day", "spent", "day")
    assert set(stored) == {(older.digest, "USD", 1, 0, None), ("0" * 128, "EUR", 500, 0, None)}


_LOCK = "UPDATE wallets_user SET is_active = false, locked_at = now()"
_UNLOCK = "UPDATE wallets_user SET is_active = true, locked_at = NULL"


def web_execute(statement: str) -> None:
    with psycopg.connect(role_url(WEB_ROLE, database=connection.settings_dict["NAME"]), autocommit=True) as web:
        web.execute(statement.encode())


def test_a_web_process_locks_an_account_for_its_owner_and_unlocks_it(alice: User) -> None:
    web_execute(_LOCK)
    alice.refresh_from_db()
    assert not alice.is_active

    web_execute(_UNLOCK)

    alice.refresh_from_db()
    assert (alice.is_active, alice.locked_at) == (True, None)


@pytest.mark.parametrize("statement", [_UNLOCK, _LOCK, "UPDATE wallets_user SET is_active = true"])
def test_a_web_process_leaves_an_account_that_staff_deactivated_as_it_is(statement: str, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        web_execute(statement)

    alice.refresh_from_db()
    assert (alice.is_active, alice.locked_at) == (False, None)


def test_a_web_process_cannot_deactivate_an_account_as_staff_do(alice: User) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        web_execute("UPDATE wallets_user SET is_active = false")

    alice.refresh_from_db()
    assert alice.is_active
