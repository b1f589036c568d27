"""What the seals depend on: SECRET_KEY, which can be replaced without signing anybody out, and the database."""

from collections.abc import Iterator
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from pytest_django import Settings

from kit.cache import link
from kit.cache.protocol import cache_fence, cache_read, cache_trust_assert, value_get, value_put
from kit.redis.identity import identity, identity_forget, redis_key
from kit.redis.locks import LockResult, lock_try
from tests.api.client import Api, Person, json_of
from tests.cache.readers import no_queries, with_session, with_token
from tests.cache.remembered import remember, shown
from tests.hostile_redis.attacker import Attacker
from tests.settlement.worker import database_url
from tests.throttling.counters import counted
from wallets.models import User

pytestmark = pytest.mark.django_db(transaction=True)

NEW_KEY = "another-key-for-tests-that-signs-nothing-anybody-relies-on-0123456789"


@pytest.fixture
def another_installation(trusted_cache: None) -> Iterator[None]:
    """From here on this process belongs to another database, with the same key, on the same Redis."""
    old = identity()
    call_command("identity_replace", force=True, stdout=StringIO())
    cache_trust_assert()
    yield
    with connection.cursor() as cursor:
        cursor.execute("UPDATE kit_identity SET id = %s", [old])
    identity_forget()


def key_replace(settings: Settings) -> None:
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = NEW_KEY


def reopened(browser: Person) -> Person:
    """The same browser. Django reads its settings of middleware once for each test client."""
    client = Client()
    client.cookies = browser.api.client.cookies
    return Person(user=browser.user, wallet=browser.wallet, api=Api(client=client))


def is_in(browser: Person) -> bool:
    return browser.api.client.get("/settings/").status_code == 200


@pytest.mark.parametrize("is_cached", [True, False])
def test_a_new_key_signs_nobody_out_while_the_old_one_is_a_fallback(
    is_cached: bool, trusted_cache: None, alice: User, settings: Settings
) -> None:
    browser, phone = with_session(alice), with_token(alice)
    if is_cached:
        assert is_in(browser)

    key_replace(settings)

    session = browser.api.client.cookies["sessionid"].value
    browser = reopened(browser)
    for _ in range(2):
        assert is_in(browser)
        assert phone.api.get("/me").status_code == 200
    # Requests that are under way with the same cookie stay signed in too.
    assert browser.api.client.cookies["sessionid"].value == session


def test_a_session_that_was_used_meanwhile_outlives_the_old_key(
    trusted_cache: None, alice: User, settings: Settings
) -> None:
    browser, unused = with_session(alice), with_session(alice)
    key_replace(settings)
    browser = reopened(browser)
    assert is_in(browser)

    settings.SECRET_KEY_FALLBACKS = []

    assert is_in(reopened(browser))
    assert not is_in(reopened(unused))


def test_a_process_with_the_new_key_and_one_with_the_old_accept_each_others_sessions(
    trusted_cache: None, alice: User, settings: Settings
) -> None:
    old = settings.SECRET_KEY
    browser = with_session(alice)

    for current, other in [(old, NEW_KEY), (NEW_KEY, old)] * 2:
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = current, [other]
        browser = reopened(browser)
        assert is_in(browser)


def test_values_of_another_key_are_not_read_and_fences_are_still_seen(trusted_cache: None, settings: Settings) -> None:
    remember(["wallet:1"])
    value_put("page", b"a page")

    key_replace(settings)

    assert shown("wallet:1", truth=b"new") == b"new"
    assert value_get("page") is None
    remember(["wallet:2"])
    with transaction.atomic():
        cache_fence(["wallet:2"])
    assert shown("wallet:2", truth=b"newer") == b"newer"


def test_a_changed_list_of_fallbacks_makes_cached_users_be_read_again(trusted_cache: None, settings: Settings) -> None:
    """They carry a session hash for each key."""
    remember(["user:1"])

    settings.SECRET_KEY_FALLBACKS = [NEW_KEY]

    assert shown("user:1", truth=b"new") == b"new"


def test_two_installations_on_one_redis_see_nothing_of_each_other(alice: User, another_installation: None) -> None:
    """Alice has the same ids in both, as in a copy of the database."""
    mine = redis_key("lock:audit")
    cached = with_token(alice)
    assert cached.api.get(cached.wallet_path).status_code == 200
    value_put("page", b"a page")
    with lock_try("audit", ttl_s=10):
        here = Attacker().keys()

        call_command("identity_replace", force=True, stdout=StringIO())
        cache_trust_assert()

        forged = counted("wallet_cache_values_refused", reason="forged")
        assert redis_key("lock:audit") != mine
        assert shown(f"wallet:{cached.wallet.pk}", truth=b"theirs") == b"theirs"
        assert value_get("page") is None
        with lock_try("audit", ttl_s=10) as lock:
            assert lock is LockResult.ACQUIRED
        # They do not even find each other's keys, so neither evicts what the other has cached.
        assert counted("wallet_cache_values_refused", reason="forged") == forged
        assert set(here) <= set(Attacker().keys())


def test_a_copied_value_of_another_installation_does_not_open(trusted_cache: None) -> None:
    before = identity()
    remember(["wallet:1"])
    attacker = Attacker()
    _, value = attacker.entry("wallet")
    try:
        call_command("identity_replace", force=True, stdout=StringIO())
        cache_trust_assert()
        assert shown("wallet:2", truth=b"any") == b"any"
        generation = attacker.redis.hget(redis_key("cache:state"), "generation")
        attacker.put(redis_key("cache:entry:wallet:1").encode(), b"V" + generation + value[1 + len(generation) :])

        assert shown("wallet:1", truth=b"new") == b"new"
    finally:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE kit_identity SET id = %s", [before])
        identity_forget()


def test_a_restored_database_reads_nothing_that_was_cached_before(trusted_cache: None, alice: User) -> None:
    phone = with_token(alice)
    phone.deposit(500)
    assert json_of(phone.api.get(phone.wallet_path))["balance"] == 500
    before = identity()

    try:
        call_command("identity_replace", force=True, stdout=StringIO())
        assert identity() != before
        cache_trust_assert()
        assert shown(f"wallet:{phone.wallet.pk}", truth=b"restored") == b"restored"
    finally:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE kit_identity SET id = %s", [before])
        identity_forget()


def test_the_identity_is_not_replaced_while_the_site_runs() -> None:
    before = identity()

    with psycopg.connect(database_url(), application_name="wallet"), pytest.raises(CommandError, match="Stop"):
        call_command("identity_replace", stdout=StringIO())

    identity_forget()
    assert identity() == before


def test_a_flushed_database_keeps_its_identity() -> None:
    before = identity()
    call_command("flush", interactive=False, verbosity=0)
    identity_forget()
    assert identity() == before


def test_without_an_identity_reads_come_from_postgres_and_writes_succeed(
    trusted_cache: None, alice: User, settings: Settings
) -> None:
    phone = with_token(alice)
    before = identity()
    settings.CACHE_TRUST_MS = 1
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM kit_identity")
    identity_forget()
    try:
        phone.deposit(500)
        assert json_of(phone.api.get(phone.wallet_path))["balance"] == 500
        assert cache_read("wallet:1", load=lambda: b"truth") == b"truth"
    finally:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO kit_identity (id) VALUES (%s)", [before])
        identity_forget()


def test_until_postgres_has_told_the_identity_redis_counts_as_away(
    trusted_cache: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember(["wallet:1"])
    value_put("page", b"a page")
    identity_forget()

    with monkeypatch.context() as patch:
        patch.setattr("kit.redis.identity.READ_SQL", "SELECT id FROM nowhere")
        assert shown("wallet:1", truth=b"new") == b"new"
        assert value_get("page") is None
        with lock_try("work", ttl_s=1) as lock:
            assert lock is LockResult.UNKNOWN

    link.breaker.succeeded()
    assert shown("wallet:1", truth=b"new") == b"old"
    assert value_get("page") == b"a page"


def test_the_identity_is_read_once(trusted_cache: None) -> None:
    remember(["wallet:1"])

    with no_queries():
        assert shown("wallet:1", truth=b"new") == b"old"
