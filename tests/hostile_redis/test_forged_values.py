"""Somebody who can write to Redis makes reads slow or, at worst, five minutes old. They become nobody and change no
balance."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from knox.crypto import hash_token

from tests.api.client import Api, Person, assert_problem, json_of
from tests.cache.readers import READERS, no_queries, some_queries, with_session, with_token
from tests.cache.remembered import shown
from tests.hostile_redis.attacker import Attacker, bit_flips
from tests.staff import second_factor_use
from tests.throttling.counters import counted
from wallets.models import ApiToken, User
from wallets.models.sessions import BrowserSession

FIVE_MINUTES = timedelta(minutes=5)
REFUSED = "wallet_cache_values_refused"


def balance(someone: Person) -> int:
    return int(json_of(someone.api.get(someone.wallet_path))["balance"])


def user_json(user: User, **changed: object) -> dict[str, object]:
    """A user as the cache holds it, and a little more."""
    fields = {
        "id": user.pk, "username": user.username, "first_name": "", "last_name": "", "is_active": True,
        "is_staff": True, "is_superuser": True, "date_joined": user.date_joined.isoformat(),
        "session_hash": user.get_session_auth_hash(),
    }  # fmt: skip
    return fields | changed


def test_a_forged_token_signs_nobody_in(attacker: Attacker, alice: User, bob: User) -> None:
    balance(with_token(bob))
    secret = "chosen-by-the-attacker"
    attacker.forge(f"token:{hash_token(secret)}", json.dumps({"expiry": None, "user": user_json(alice)}).encode())
    forged = counted(REFUSED, reason="forged")

    assert_problem(Api(token=secret).get("/me"), "not_authenticated", 401)

    assert counted(REFUSED, reason="forged") == forged + 1


@READERS
def test_an_edited_user_has_no_more_rights_than_before(
    reader: Callable[[User], Person], attacker: Attacker, alice: User, bob: User
) -> None:
    alices = reader(alice)
    assert balance(alices) == 0

    attacker.forge(f"user:{alice.pk}", json.dumps(user_json(alice, username="bob")).encode())
    for digest in ApiToken.objects.values_list("digest", flat=True):
        fields = {"expiry": None, "user": user_json(bob)}
        attacker.forge(f"token:{digest}", json.dumps(fields).encode())

    assert json_of(alices.api.get("/me"))["username"] == "alice"


def test_an_edited_user_does_not_enter_the_admin(attacker: Attacker, alice: User) -> None:
    browser = with_session(alice)
    assert balance(browser) == 0

    attacker.forge(f"user:{alice.pk}", json.dumps(user_json(alice)).encode())

    assert browser.api.client.get("/admin/").status_code == 302
    assert browser.api.client.get("/admin/wallets/user/").status_code == 302


def test_an_edited_balance_is_not_shown(attacker: Attacker, alice: User) -> None:
    alices = with_token(alice)
    alices.deposit(500)
    assert balance(alices) == 500

    wallet = {
        "id": alices.wallet.pk, "owner_id": alice.pk, "currency": "USD", "status": "open", "balance": 999, "version": 1,
        "created_at": alices.wallet.created_at.isoformat(),
    }  # fmt: skip
    attacker.forge(f"wallet:{alices.wallet.pk}", json.dumps(wallet).encode())

    assert balance(alices) == 500


@pytest.mark.parametrize("kind", ["token", "wallet"])
def test_one_users_value_is_not_accepted_under_another_users_name(
    kind: str, attacker: Attacker, alice: User, bob: User
) -> None:
    alices, bobs = with_token(alice), with_token(bob)
    alices.deposit(500)
    assert (balance(alices), balance(bobs)) == (500, 0)
    entries = attacker.entries(kind)
    of_bob = {str(bobs.wallet.pk).encode(), ApiToken.objects.get(user=bob).digest.encode()}
    mine, theirs = sorted(entries, key=lambda key: key.rpartition(b":")[2] in of_bob)

    attacker.put(theirs, entries[mine])

    assert json_of(bobs.api.get("/me"))["username"] == "bob"
    assert balance(bobs) == 0


def test_a_page_of_history_is_not_accepted_for_another_wallet(attacker: Attacker, alice: User, bob: User) -> None:
    alices, bobs = with_token(alice), with_token(bob)
    for someone, amount in ((alices, 500), (bobs, 7)):
        someone.deposit(amount)
        someone.api.get(f"{someone.wallet_path}/transactions")
    pages = attacker.keys(":value:")
    ours = [key for key in pages if str(alices.wallet.pk).encode() in key]
    assert len(ours) == len(pages) / 2 > 0

    for key in ours:
        attacker.put(key.replace(str(alices.wallet.pk).encode(), str(bobs.wallet.pk).encode()), attacker.redis.get(key))

    [entry] = json_of(bobs.api.get(f"{bobs.wallet_path}/transactions"))["results"]
    assert entry["amount"] == 7


def test_no_bit_of_a_cached_value_can_be_flipped(attacker: Attacker) -> None:
    assert shown("wallet:1", truth=b"500") == b"500"
    key, value = attacker.entry("wallet")
    assert shown("wallet:1", truth=b"read from Postgres") == b"500"

    for flipped in bit_flips(value):
        attacker.put(key, flipped)
        assert shown("wallet:1", truth=b"read from Postgres") == b"read from Postgres"


@pytest.mark.parametrize("length", [0, 1, 17, 40, 60])
def test_a_value_that_was_cut_off_is_not_accepted(length: int, attacker: Attacker, alice: User) -> None:
    alices = with_token(alice)
    assert balance(alices) == 0
    key, value = attacker.entry("wallet")

    attacker.put(key, value[:length])

    assert balance(alices) == 0


def test_what_is_put_back_is_at_most_five_minutes_old(attacker: Attacker, alice: User) -> None:
    alices = with_token(alice)
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        assert balance(alices) == 0
    key, old = attacker.entry("wallet")
    alices.deposit(500)

    # This is what the promise says: Redis can make a read five minutes old.
    attacker.put(key, old)
    with time_machine.travel(now + FIVE_MINUTES, tick=False):
        assert balance(alices) == 0
    before = counted(REFUSED, reason="old")
    with time_machine.travel(now + FIVE_MINUTES + timedelta(milliseconds=1), tick=False):
        assert balance(alices) == 500
    assert counted(REFUSED, reason="old") > before


def test_a_revoked_token_that_is_put_back_ends_after_five_minutes(attacker: Attacker, alice: User) -> None:
    alices = with_token(alice)
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        assert balance(alices) == 0
    key, old = attacker.entry("token")
    ApiToken.objects.all().delete()

    attacker.put(key, old)
    with time_machine.travel(now + FIVE_MINUTES + timedelta(milliseconds=1), tick=False):
        assert_problem(alices.api.get("/me"), "not_authenticated", 401)


def test_a_value_from_the_future_is_not_accepted(attacker: Attacker, alice: User) -> None:
    alices = with_token(alice)
    with time_machine.travel(timezone.now() + timedelta(days=1), tick=False):
        assert balance(alices) == 0
    before = counted(REFUSED, reason="early")

    assert balance(alices) == 0

    assert counted(REFUSED, reason="early") > before


def test_a_refused_value_is_replaced_by_the_next_reader(attacker: Attacker, alice: User) -> None:
    alices = with_token(alice)
    assert balance(alices) == 0
    attacker.forge(f"wallet:{alices.wallet.pk}", b'{"balance": 1}')

    for _ in range(2):
        with some_queries():
            assert balance(alices) == 0
    with no_queries():
        assert balance(alices) == 0


def test_nothing_of_what_is_cached_can_be_read(attacker: Attacker, alice: User) -> None:
    """While a user resets a password, their session holds what is needed to do it."""
    alices, browser = with_token(alice), with_session(alice)
    alices.deposit(500)
    alices.api.get(f"{alices.wallet_path}/transactions")
    for someone in (alices, browser):
        assert balance(someone) == 500
    session = BrowserSession.objects.get()

    values = [attacker.redis.get(key) for key in [*attacker.keys(":entry:"), *attacker.keys(":value:")]]

    assert len(values) >= 4
    for value in values:
        for secret in (b"alice", b'"balance"', b"500", session.data.encode()):
            assert secret not in value


def test_a_deactivated_member_of_staff_does_not_enter_the_admin_with_what_is_put_back(
    attacker: Attacker, alice: User
) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=True, is_superuser=True)
    browser = with_session(alice)
    second_factor_use(browser.api.client, alice)
    assert browser.api.client.get("/admin/").status_code == 200
    assert balance(browser) == 0
    entries = attacker.entries("user")
    assert entries

    User.objects.filter(pk=alice.pk).update(is_active=False)
    for key, value in entries.items():
        attacker.put(key, value)

    assert browser.api.client.get("/admin/").status_code == 302


def test_a_session_that_was_logged_out_does_not_enter_the_admin_when_it_is_put_back(
    attacker: Attacker, alice: User
) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=True, is_superuser=True)
    browser = with_session(alice)
    second_factor_use(browser.api.client, alice)
    assert balance(browser) == 0
    assert browser.api.client.get("/admin/").status_code == 200
    cookie = browser.api.client.cookies["sessionid"].value
    entries = attacker.entries("session")
    assert entries

    browser.api.client.logout()
    browser.api.client.cookies["sessionid"] = cookie
    for key, value in entries.items():
        attacker.put(key, value)

    assert browser.api.client.get("/admin/").status_code == 302


def test_a_session_that_has_ended_changes_nothing_when_it_is_put_back(attacker: Attacker, alice: User) -> None:
    browser = with_session(alice)
    assert balance(browser) == 0
    client = browser.api.client
    client.get("/accounts/password/change/")
    csrf = {"X-CSRFToken": client.cookies["csrftoken"].value}
    withdrawals, body = f"{browser.wallet_path}/withdrawals", {"amount": 1}
    cookie = client.cookies["sessionid"].value
    entries = attacker.entries("session")
    assert entries

    client.logout()
    client.cookies["sessionid"] = cookie
    client.cookies["csrftoken"] = csrf["X-CSRFToken"]
    for key, value in entries.items():
        attacker.put(key, value)

    # A read may be five minutes old.
    assert balance(browser) == 0
    answer: Any = client.post(f"/api/v1{withdrawals}", body, content_type="application/json", headers=csrf)
    assert_problem(answer, "not_authenticated", 401)


def test_staff_rights_are_taken_away_at_once_without_the_caches_help(attacker: Attacker, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=True, is_superuser=True)
    browser = with_session(alice)
    second_factor_use(browser.api.client, alice)
    assert browser.api.client.get("/admin/").status_code == 200

    # By hand, so nothing is fenced.
    User.objects.filter(pk=alice.pk).update(is_superuser=False)

    assert browser.api.client.get("/admin/wallets/user/").status_code == 403
