"""Passkeys: which answers of a device are accepted, once, and what they open."""

import json
from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

import pytest
from allauth.mfa.models import Authenticator as Factor
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.core import mail
from django.db import connections
from django.test import Client
from django.urls import reverse
from fido2.utils import websafe_decode, websafe_encode
from pytest_django import Settings

from tests.api.client import Api
from tests.pages.kit import fill, reauthenticated, text_of
from tests.passkeys import (
    Authenticator,
    answer,
    browser,
    challenge,
    options_of,
    passkey_add,
    passkey_log_in,
)
from tests.people import PASSWORD, person
from wallets.auth.locking import account_lock
from wallets.auth.passkeys.changes import passkey_add as added
from wallets.domain.security import SecurityEventKind
from wallets.models import ApiToken, User
from wallets.models.security import GuessBudget, SecurityEvent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("passkeys_work")]
LOGIN = "/accounts/2fa/webauthn/login/"
AUTHENTICATE = "/accounts/2fa/authenticate/"
REAUTHENTICATE = "/accounts/2fa/webauthn/reauthenticate/"
ADD = "/accounts/2fa/webauthn/add/"


@pytest.fixture
def device(alice: User) -> Authenticator:
    """Alice's phone, with a passkey."""
    made = Authenticator()
    client = browser()
    client.force_login(alice)
    passkey_add(reauthenticated(client), made)
    assert Factor.objects.filter(user=alice, type="webauthn").exists()
    mail.outbox.clear()
    return made


@pytest.fixture
def client() -> Client:
    return browser()


def who(client: Client) -> str:
    """Who is logged in."""
    response = client.get("/settings/")
    return "" if response.status_code == 302 else str(response.wsgi_request.user.username)


def password_enter(client: Client, password: str = PASSWORD) -> Any:
    return client.post("/accounts/login/", {"login": "alice", "password": password})


def failures() -> list[dict[str, Any]]:
    return [event.detail for event in SecurityEvent.objects.filter(kind=SecurityEventKind.SIGN_IN_FAILED)]


# --- Signing in with nothing else ---


def test_a_passkey_alone_logs_in(device: Authenticator, client: Client) -> None:
    asked = challenge(client)
    assert asked["publicKey"]["userVerification"] == "required"
    # Neither a name nor a passkey of anybody: the browser knows them.
    assert not asked["publicKey"].get("allowCredentials")
    assert asked["publicKey"]["rpId"] == "localhost"

    response = client.post(LOGIN, {"credential": json.dumps(device.get(asked)), "next": "/wallets/"})

    assert response["Location"] == "/wallets/"
    assert who(client) == "alice"
    assert SecurityEvent.objects.filter(kind=SecurityEventKind.SIGNED_IN).count() == 1
    assert [message.subject for message in mail.outbox] == ["New login to your account"]
    assert Factor.objects.get(type="webauthn").last_used_at is not None


@pytest.mark.parametrize(("box", "age_s"), [("", ""), ("on", 30 * 24 * 3600)])
def test_the_login_lasts_as_long_as_one_with_the_password(
    device: Authenticator, client: Client, box: str, age_s: object
) -> None:
    passkey_log_in(client, device, remember=box)
    assert client.cookies["sessionid"]["max-age"] == age_s


def wrong_key(device: Authenticator) -> None:
    device.key = Authenticator().key


def unknown_credential(device: Authenticator) -> None:
    device.credential_id = b"x" * 32


def nobody(device: Authenticator) -> None:
    device.user_handle = b"999999999999999999999999"


def somebody_else(device: Authenticator) -> None:
    device.user_handle = str(person("mallory").pk).encode()


def no_handle(device: Authenticator) -> None:
    device.user_handle = b""


WRONG: dict[str, Callable[[Authenticator], object]] = {
    "not verified": lambda device: setattr(device, "is_verified", False),
    "not present": lambda device: setattr(device, "is_present", False),
    "another site": lambda device: setattr(device, "origin", "https://localhost.example"),
    "another port": lambda device: setattr(device, "origin", "http://localhost:8001"),
    "a subdomain": lambda device: setattr(device, "origin", "http://evil.localhost:8000"),
    "without TLS": lambda device: setattr(device, "origin", "https://localhost:8000"),
    "another domain": lambda device: setattr(device, "domain", "example"),
    "wrong key": wrong_key,
    "unknown credential": unknown_credential,
    "nobody": nobody,
    "somebody else": somebody_else,
    "no handle": no_handle,
}


@pytest.mark.parametrize("how", WRONG)
def test_it_refuses_any_other_answer(device: Authenticator, client: Client, how: str) -> None:
    WRONG[how](device)

    response = passkey_log_in(client, device)

    assert response["Location"] == "/accounts/login/"
    assert "This passkey was not accepted" in text_of(client.get("/accounts/login/"))
    assert who(client) == ""
    # Nobody can use up the guesses of whom they name.
    assert not GuessBudget.objects.filter(key__startswith="factor").exists()


@pytest.mark.parametrize(
    ("how", "reason"),
    [("wrong key", "signature"), ("not verified", "signature"), ("somebody else", None), ("nobody", None)],
)
def test_a_refused_answer_is_recorded_if_it_came_from_the_users_own_passkey(
    device: Authenticator, client: Client, how: str, reason: str | None
) -> None:
    WRONG[how](device)
    passkey_log_in(client, device)
    assert failures() == ([{"step": "passkey", "reason": reason, "name": "phone"}] if reason else [])


@pytest.mark.parametrize(
    "made_up",
    [
        "",
        "no json",
        "[]",
        "null",
        "{}",
        "3",
        '"text"',
        '{"id": "x"}',
        '{"id": 1, "rawId": 2, "type": "public-key", "response": 3}',
        '{"id": "eA", "rawId": "eA", "type": "public-key", "response": {}}',
        (
            '{"id": "eA", "rawId": "eA", "type": "public-key", "response": {"clientDataJSON": "eA", '
            '"authenticatorData": "eA", "signature": "eA", "userHandle": "w7_w"}, "clientExtensionResults": {}}'
        ),
        '{"rawId": "' + "A" * 100_000 + '"}',
        "[" * 500 + "]" * 500,
        pytest.param("[" * 10_000, id="lists without end"),
        pytest.param('{"a":' * 10_000, id="objects without end"),
        pytest.param("1" * 5_000, id="a number with too many digits"),
    ],
)
@pytest.mark.parametrize("where", ["login", "authenticate", "reauthenticate", "add"])
def test_what_somebody_made_up_is_refused_and_is_no_error(
    device: Authenticator, client: Client, alice: User, made_up: str, where: str
) -> None:
    paths = {"login": LOGIN, "authenticate": AUTHENTICATE, "reauthenticate": REAUTHENTICATE, "add": ADD}
    path = paths[where]
    if where == "login":
        challenge(client)
    elif where == "authenticate":
        password_enter(client)
    else:
        client.force_login(alice)
        answer(client, f"{REAUTHENTICATE}", device)
        client.get(path)

    assert client.post(path, {"credential": made_up, "name": "x"}).status_code in {200, 302}
    assert where in {"add", "reauthenticate"} or who(client) == ""
    assert Factor.objects.filter(type="webauthn").count() == 1


def test_bytes_that_are_changed_anywhere_open_nothing_and_are_no_error(device: Authenticator, client: Client) -> None:
    for name in ("clientDataJSON", "authenticatorData", "signature"):
        for position in range(0, 37, 4):
            given = device.get(challenge(client))
            changed = bytearray(websafe_decode(given["response"][name]))
            changed[position] ^= 1
            given["response"][name] = websafe_encode(bytes(changed))
            assert client.post(LOGIN, {"credential": json.dumps(given)})["Location"] == "/accounts/login/"
    assert who(client) == ""


# --- Each challenge once ---


def test_an_answer_works_once(device: Authenticator, client: Client) -> None:
    given = {"credential": json.dumps(device.get(challenge(client)))}
    assert client.post(LOGIN, given)["Location"] == "/"
    client.post("/accounts/logout/")

    assert client.post(LOGIN, given)["Location"] == "/accounts/login/"
    challenge(client)
    assert client.post(LOGIN, given)["Location"] == "/accounts/login/"
    assert who(client) == ""


def test_a_wrong_answer_uses_the_challenge_up(device: Authenticator, client: Client) -> None:
    asked = challenge(client)
    client.post(LOGIN, {"credential": json.dumps(Authenticator(user_handle=b"none").get(asked))})
    assert client.post(LOGIN, {"credential": json.dumps(device.get(asked))})["Location"] == "/accounts/login/"


def test_the_challenge_of_another_browser_opens_nothing(device: Authenticator, client: Client) -> None:
    given = {"credential": json.dumps(device.get(challenge(browser())))}
    assert client.post(LOGIN, given)["Location"] == "/accounts/login/"
    challenge(client)
    assert client.post(LOGIN, given)["Location"] == "/accounts/login/"


@pytest.mark.django_db(transaction=True)
def test_of_two_requests_with_the_same_answer_at_the_same_time_one_logs_in(
    device: Authenticator, client: Client
) -> None:
    given = {"credential": json.dumps(device.get(challenge(client)))}
    cookie, barrier, answers = client.cookies.output(header="", sep=";"), Barrier(4), []

    def send() -> None:
        twin = browser()
        twin.cookies.load(cookie)
        barrier.wait(10)
        # A request whose session was replaced by a login meanwhile gets 400.
        answers.append(twin.post(LOGIN, given).get("Location"))
        connections.close_all()

    threads = [Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(answers) == 4
    assert answers.count("/") == 1
    assert SecurityEvent.objects.filter(kind=SecurityEventKind.SIGNED_IN).count() == 1


def test_a_passkey_that_counts_backwards_was_copied(alice: User, client: Client) -> None:
    device = Authenticator(counts_from=5)
    other = browser()
    other.force_login(alice)
    passkey_add(reauthenticated(other), device, name="blue key")
    assert passkey_log_in(client, device)["Location"] == "/"
    client.post("/accounts/logout/")

    for count in (5, 0, 4):
        device.counts_from = count
        assert passkey_log_in(client, device)["Location"] == "/accounts/login/"
    assert failures()[0] == {"step": "passkey", "reason": "copied", "name": "blue key"}

    device.counts_from = 6
    assert passkey_log_in(client, device)["Location"] == "/"


# --- What ends it ---


def test_a_deactivated_account_is_refused(device: Authenticator, client: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert passkey_log_in(client, device)["Location"] == "/accounts/login/"
    assert not SecurityEvent.objects.filter(kind=SecurityEventKind.SIGNED_IN).exists()


def change_password(alice: User) -> None:
    alice.set_password("another good phrase")
    alice.save()


def lock_and_unlock(alice: User) -> None:
    account_lock(user_id=alice.pk, via="page")
    User.objects.filter(pk=alice.pk).update(is_active=True, locked_at=None)
    change_password(User.objects.get(pk=alice.pk))


@pytest.mark.parametrize("happens", [change_password, lock_and_unlock])
def test_after_a_change_of_password_a_passkey_needs_the_password_once(
    device: Authenticator, client: Client, alice: User, happens: Callable[[User], None]
) -> None:
    happens(alice)

    assert passkey_log_in(client, device)["Location"] == "/accounts/login/"
    assert "Log in with your new password once" in text_of(client.get("/accounts/login/"))
    assert who(client) == ""

    assert password_enter(client, "another good phrase")["Location"] == AUTHENTICATE
    assert answer(client, AUTHENTICATE, device)["Location"] == "/"
    client.post("/accounts/logout/")
    assert passkey_log_in(client, device)["Location"] == "/"


def test_a_login_that_began_with_the_old_password_does_not_revive_a_passkey(
    device: Authenticator, client: Client, alice: User
) -> None:
    """The passkey may be a thief's, who knows the old password as well."""
    password_enter(client)
    given = device.get(options_of(client.get(AUTHENTICATE)))
    change_password(alice)

    client.post(AUTHENTICATE, {"credential": json.dumps(given)})

    assert who(client) == ""
    assert failures() == [{"step": "passkey", "reason": "password changed", "name": "phone"}]
    assert passkey_log_in(browser(), device)["Location"] == "/accounts/login/"


def test_whoever_adds_a_passkey_while_the_password_changes_adds_none(
    confirmed: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(**kwargs: Any) -> Any:
        change_password(User.objects.get(pk=alice.pk))
        return added(**kwargs)

    monkeypatch.setattr("wallets.auth.passkeys.views.passkey_add", late)
    passkey_add(confirmed, Authenticator())

    assert not Factor.objects.exists()


# --- After the password, and to confirm who is there ---


def test_a_passkey_is_a_second_factor_after_the_password(device: Authenticator, client: Client) -> None:
    assert password_enter(client)["Location"] == AUTHENTICATE
    page = client.get(AUTHENTICATE)
    (allowed,) = options_of(page)["publicKey"]["allowCredentials"]
    assert allowed["id"] == websafe_encode(device.credential_id)
    assert who(client) == ""

    assert answer(client, AUTHENTICATE, device)["Location"] == "/"
    assert who(client) == "alice"


@pytest.mark.parametrize("how", ["not verified", "another port", "wrong key", "unknown credential"])
def test_wrong_answers_after_the_password_use_up_the_budget_of_codes(
    device: Authenticator, client: Client, how: str
) -> None:
    right = Authenticator(**vars(device))
    WRONG[how](device)
    password_enter(client)
    for _ in range(5):
        assert "This passkey was not accepted" in text_of(answer(client, AUTHENTICATE, device))
    assert answer(client, AUTHENTICATE, right).status_code == 429
    assert who(client) == ""
    assert len(failures()) == 5


def test_the_passkey_of_somebody_else_is_no_second_factor(device: Authenticator, client: Client, bob: User) -> None:
    bobs, other = Authenticator(), browser()
    other.force_login(bob)
    passkey_add(reauthenticated(other), bobs)
    password_enter(client)
    assert answer(client, AUTHENTICATE, bobs).status_code == 200
    assert who(client) == ""


def test_a_passkey_confirms_who_is_there(device: Authenticator, client: Client) -> None:
    passkey_log_in(client, device)
    # Logging in is not enough for a sensitive change.
    changes = reverse("mfa_generate_recovery_codes")
    asked = client.get(changes)
    assert asked["Location"].startswith(REAUTHENTICATE)
    page = client.get(asked["Location"])
    assert "Use a code instead" in text_of(page)

    WRONG["not verified"](device)
    assert "This passkey was not accepted" in text_of(answer(client, REAUTHENTICATE, device))
    device.is_verified = True
    key = client.cookies["sessionid"].value
    assert answer(client, REAUTHENTICATE, device, next=changes)["Location"] == changes
    assert client.cookies["sessionid"].value != key
    assert client.get(changes).status_code == 200


def test_where_the_browser_cannot_use_passkeys_a_code_confirms_who_is_there(device: Authenticator, alice: User) -> None:
    client = Client(headers={"host": "127.0.0.1:8000"})
    client.force_login(alice)
    assert client.get(reverse("mfa_generate_recovery_codes"))["Location"].startswith("/accounts/2fa/reauthenticate/")


def test_over_the_api_a_recovery_code_takes_the_place_of_the_passkey(device: Authenticator, alice: User) -> None:
    given = {"username": "alice", "password": PASSWORD}
    assert Api().post("/auth/login", given).status_code == 401
    code = RecoveryCodes.activate(alice).get_unused_codes()[0]
    assert Api().post("/auth/login", given | {"otp": code}).status_code == 200


# --- Adding, renaming, removing ---


@pytest.fixture
def confirmed(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return reauthenticated(client)


@pytest.mark.parametrize("page", ["add/", "keys/{}/edit/", "keys/{}/remove/"])
def test_changes_ask_who_is_there(device: Authenticator, client: Client, alice: User, page: str) -> None:
    client.force_login(alice)
    path = "/accounts/2fa/webauthn/" + page.format(Factor.objects.get(type="webauthn").pk)
    for response in (client.get(path), client.post(path, {"name": "mine"})):
        assert response["Location"].startswith(REAUTHENTICATE)
    assert Factor.objects.get(type="webauthn").wrap().name == "phone"


def test_the_first_passkey_brings_recovery_codes_a_mail_and_an_event(confirmed: Client, alice: User) -> None:
    page = confirmed.get("/accounts/2fa/webauthn/add/")
    asked = options_of(page)["publicKey"]
    selection = asked["authenticatorSelection"]
    assert (selection["residentKey"], selection["userVerification"]) == ("required", "required")
    assert (asked["rp"]["id"], asked["user"]["name"]) == ("localhost", "alice")

    response = passkey_add(confirmed, Authenticator(), name="blue <key>")

    assert response["Location"] == "/accounts/2fa/recovery-codes/"
    assert set(Factor.objects.values_list("type", flat=True)) == {"webauthn", "recovery_codes"}
    event = SecurityEvent.objects.get(kind=SecurityEventKind.PASSKEY_ADDED)
    assert event.detail == {"factor": "webauthn", "name": "blue <key>"}
    assert "Passkey added" in text_of(confirmed.get(reverse("account_security")))
    (told,) = mail.outbox
    assert told.subject == "A passkey was added to your account"
    assert "“blue <key>”" in str(told.body)
    assert "/accounts/lock/" in str(told.body)
    assert "blue &lt;key&gt;" in text_of(confirmed.get("/accounts/2fa/"))


def test_a_second_passkey_excludes_the_first_and_brings_no_new_codes(
    device: Authenticator, client: Client, alice: User
) -> None:
    client.force_login(alice)
    answer(client, REAUTHENTICATE, device)
    (excluded,) = options_of(client.get("/accounts/2fa/webauthn/add/"))["publicKey"]["excludeCredentials"]
    assert excluded["id"] == websafe_encode(device.credential_id)
    # A device that does not mind is refused here.
    assert "could not be added" in text_of(passkey_add(client, device))

    assert passkey_add(client, Authenticator(), name="laptop")["Location"] == "/accounts/2fa/"
    assert Factor.objects.filter(type="webauthn").count() == 2
    assert Factor.objects.filter(type="recovery_codes").count() == 1


@pytest.mark.parametrize("how", ["not verified", "not present", "another site", "another domain", "another port"])
def test_a_passkey_is_not_added_with_a_wrong_answer(confirmed: Client, how: str) -> None:
    device = Authenticator()
    WRONG[how](device)
    assert "could not be added" in text_of(passkey_add(confirmed, device))
    assert not Factor.objects.exists()


def test_nothing_is_stored_of_what_else_the_browser_sends(confirmed: Client) -> None:
    path = "/accounts/2fa/webauthn/add/"
    made = Authenticator().create(options_of(confirmed.get(path))) | {
        "junk": "\0" * 10,
        "clientExtensionResults": {"x": 1},
    }
    assert confirmed.post(path, {"credential": json.dumps(made), "name": "phone"}).status_code == 302
    stored = Factor.objects.get(type="webauthn").data["credential"]
    assert stored.keys() == {"id", "rawId", "type", "response", "clientExtensionResults"}
    assert stored["clientExtensionResults"] == {"credProps": {"rk": True}}


def test_an_account_has_a_limited_number_of_passkeys(
    confirmed: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wallets.auth.passkeys.changes.PASSKEYS_MAX", 1)
    passkey_add(confirmed, device := Authenticator())
    answer(confirmed, REAUTHENTICATE, device)
    assert confirmed.get("/accounts/2fa/webauthn/add/")["Location"] == "/accounts/2fa/"
    assert "as many passkeys" in text_of(confirmed.get("/accounts/2fa/"))


def test_a_passkey_is_renamed_and_goes_on_working(device: Authenticator, client: Client, alice: User) -> None:
    passkey_log_in(client, device)
    answer(client, REAUTHENTICATE, device)
    factor = Factor.objects.get(type="webauthn")
    assert (
        fill(client, f"/accounts/2fa/webauthn/keys/{factor.pk}/edit/", name="old phone")["Location"] == "/accounts/2fa/"
    )
    event = SecurityEvent.objects.get(kind=SecurityEventKind.PASSKEY_RENAMED)
    assert event.detail == {"name": "old phone", "old_name": "phone"}
    client.post("/accounts/logout/")
    assert passkey_log_in(client, device)["Location"] == "/"


def test_removing_the_last_passkey_removes_the_recovery_codes_and_keeps_sessions_and_tokens(
    device: Authenticator, client: Client, alice: User
) -> None:
    Api().post(
        "/auth/login",
        {"username": "alice", "password": PASSWORD, "otp": RecoveryCodes.activate(alice).get_unused_codes()[0]},
    )
    passkey_log_in(client, device)
    answer(client, REAUTHENTICATE, device)
    mail.outbox.clear()
    factor = Factor.objects.get(type="webauthn")
    path = f"/accounts/2fa/webauthn/keys/{factor.pk}/remove/"
    assert "Your password alone will then be enough" in text_of(client.get(path))

    assert client.post(path)["Location"] == "/tokens/question/?next=%2Faccounts%2F2fa%2F"

    assert not Factor.objects.exists()
    assert who(client) == "alice"
    assert ApiToken.objects.filter(user=alice).exists()
    assert SecurityEvent.objects.get(kind=SecurityEventKind.PASSKEY_REMOVED).detail["name"] == "phone"
    assert [message.subject for message in mail.outbox] == ["A passkey was removed from your account"]
    client.post("/accounts/logout/")
    assert passkey_log_in(client, device)["Location"] == "/accounts/login/"
    assert password_enter(client)["Location"] == "/"


def test_beside_an_authenticator_app_both_keep_the_recovery_codes(
    device: Authenticator, client: Client, alice: User
) -> None:
    TOTP.activate(alice, "JBSWY3DPEHPK3PXP")
    client.force_login(alice)
    answer(client, REAUTHENTICATE, device)
    path = "/accounts/2fa/totp/deactivate/"
    assert "Your passkeys and recovery codes stay" in text_of(client.get(path))
    client.post(path)
    assert set(Factor.objects.values_list("type", flat=True)) == {"webauthn", "recovery_codes"}


@pytest.mark.parametrize("page", ["edit", "remove"])
def test_nobody_reaches_the_passkey_of_somebody_else(
    device: Authenticator, client: Client, bob: User, page: str
) -> None:
    client.force_login(bob)
    reauthenticated(client)
    factor = Factor.objects.get(type="webauthn")
    path = f"/accounts/2fa/webauthn/keys/{factor.pk}/{page}/"
    assert client.get(path).status_code == client.post(path, {"name": "mine"}).status_code == 404


# --- Where passkeys work ---


@pytest.mark.parametrize(
    ("site_url", "host", "is_secure", "is_offered"),
    [
        ("http://127.0.0.1:8000", "localhost:8000", False, True),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", False, False),
        ("https://wallet.example", "wallet.example", True, True),
        ("https://wallet.example:443", "wallet.example", True, True),
        ("https://wallet.example", "www.wallet.example", True, False),
        ("https://wallet.example", "wallet.example", False, False),
        ("http://wallet.example", "wallet.example", False, False),
        ("https://192.0.2.1", "192.0.2.1", True, False),
    ],
)
def test_pages_offer_passkeys_where_browsers_accept_them(
    alice: User, settings: Settings, site_url: str, host: str, is_secure: bool, is_offered: bool
) -> None:
    settings.SITE_URL, settings.ALLOWED_HOSTS = site_url, [host.partition(":")[0]]
    client = Client(headers={"host": host})
    assert ("Log in with a passkey" in text_of(client.get("/accounts/login/", secure=is_secure))) is is_offered
    client.force_login(alice)
    page = text_of(client.get("/accounts/2fa/", secure=is_secure))
    assert ("Add a passkey" in page) is is_offered
    assert ("Passkeys do not work" in page) is not is_offered


def test_the_domain_of_a_passkey_does_not_depend_on_the_host_of_a_request(client: Client, settings: Settings) -> None:
    settings.SITE_URL, settings.ALLOWED_HOSTS = "https://wallet.example", ["*"]
    asked = Client(headers={"host": "evil.example"}).post(LOGIN).json()
    assert asked["publicKey"]["rpId"] == "wallet.example"
