"""What happens to an account is recorded, cannot be changed afterwards, and is told to its owner if it matters."""

import logging
import time
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.contrib.auth.models import Permission
from django.core import mail
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone

from tests.api.client import Api
from tests.pages.kit import reauthenticated
from tests.people import PASSWORD, person
from tests.staff import TOTP_SECRET, browser_of, superuser_create
from wallets.auth.security_log import KEPT, security_event_record, security_events_delete_old
from wallets.domain.security import TITLES, SecurityEventKind
from wallets.models import ApiToken, User
from wallets.models.security import SecurityEvent
from wallets.tokens.services import token_issue

pytestmark = pytest.mark.django_db
NEW_PASSWORD = "a longer phrase than before"
#: What the form of a user in the admin sends for the wallets below it.
INLINE = {"wallets-TOTAL_FORMS": "0", "wallets-INITIAL_FORMS": "0"}


def kinds(user: User) -> list[str]:
    """What is recorded of the user, oldest first."""
    return list(SecurityEvent.objects.filter(user=user).order_by("id").values_list("kind", flat=True))


def subjects() -> list[str]:
    return [str(message.subject) for message in mail.outbox]


def page_login(client: Client, **headers: str) -> None:
    client.post("/accounts/login/", {"login": "alice", "password": PASSWORD}, headers=headers)


def api_login(address: str = "192.0.2.1") -> str:
    client = Client(REMOTE_ADDR=address)
    body = {"username": "alice", "password": PASSWORD}
    token: str = client.post("/api/v1/auth/login", body, "application/json").json()["token"]
    return token


def logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The security events among the lines of the site's log."""
    lines = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    wanted = ("kind", "user_id", "channel")
    return [{name: line[name] for name in wanted} for line in lines if line.get("event") == "security_event"]


# --- The log itself ---


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE wallets_securityevent SET kind = 'signed_out'",
        "UPDATE wallets_securityevent SET at = now() - interval '2 years'",
        "DELETE FROM wallets_securityevent",
        "TRUNCATE wallets_securityevent",
    ],
)
def test_postgres_refuses_to_change_the_log(alice: User, statement: str) -> None:
    security_event_record(user=alice, kind=SecurityEventKind.SIGNED_IN)

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert kinds(alice) == ["signed_in"]


def test_events_are_deleted_when_they_are_older_than_the_log_keeps_them(alice: User) -> None:
    for age in (KEPT + timedelta(days=1), KEPT - timedelta(days=1), timedelta(days=1)):
        SecurityEvent.objects.create(user=alice, kind="signed_in", channel="page", at=timezone.now() - age)

    assert security_events_delete_old() == 1
    assert SecurityEvent.objects.count() == 2


def test_an_event_of_a_transaction_that_rolls_back_is_not_recorded(alice: User) -> None:
    def fail() -> None:
        with transaction.atomic():
            security_event_record(user=alice, kind=SecurityEventKind.SIGNED_IN)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert kinds(alice) == []


def test_a_committed_event_is_in_the_sites_log_without_names_and_addresses(
    alice: User, caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any
) -> None:
    caplog.set_level(logging.INFO)
    with django_capture_on_commit_callbacks(execute=True):
        page_login(Client(REMOTE_ADDR="192.0.2.7"))
    assert {"kind": "signed_in", "user_id": alice.pk, "channel": "page"} in logged(caplog)
    assert "192.0.2.7" not in caplog.text
    assert "alice" not in caplog.text


def test_an_event_that_is_rolled_back_is_not_in_the_sites_log(
    alice: User, caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any
) -> None:
    caplog.set_level(logging.INFO)
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        security_event_record(user=alice, kind=SecurityEventKind.SIGNED_IN)
        transaction.set_rollback(True)
    assert logged(caplog) == []


@pytest.mark.parametrize("path", ["/accounts/login/", "/api/v1/auth/login"])
def test_a_sign_in_with_an_unknown_name_is_in_the_sites_log_without_the_name(
    client: Client, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    caplog.set_level(logging.INFO)
    sent = {"login": "s3cret-name", "username": "s3cret-name", "password": "wrong"}
    if path.startswith("/api/"):
        client.post(path, {name: sent[name] for name in ("username", "password")}, "application/json")
    else:
        client.post(path, sent)
    channel = "api" if path.startswith("/api/") else "page"
    assert logged(caplog) == [{"kind": "sign_in_failed", "user_id": None, "channel": channel}]
    assert "s3cret-name" not in caplog.text


def test_every_kind_has_a_title_and_fits_its_column() -> None:
    assert TITLES.keys() == set(SecurityEventKind)
    assert all(len(kind) <= 30 for kind in SecurityEventKind)


def test_an_event_says_where_it_came_from(alice: User) -> None:
    page_login(Client(REMOTE_ADDR="192.0.2.7"), User_Agent="Firefox\0" + "x" * 500)

    event = SecurityEvent.objects.get(user=alice, kind="signed_in")
    assert (event.channel, event.address) == ("page", "192.0.2.7")
    assert event.user_agent.startswith("Firefoxxx")
    assert len(event.user_agent) == 200


# --- What is recorded ---


def test_signing_in_and_out_in_a_browser(alice: User, client: Client) -> None:
    client.post("/accounts/login/", {"login": "alice", "password": "wrong"})
    page_login(client)
    client.post("/accounts/logout/")

    assert kinds(alice) == ["sign_in_failed", "signed_in", "signed_out"]


def test_signing_in_and_out_over_the_api(alice: User) -> None:
    token = api_login()
    Api(token=token).post("/auth/logout")

    assert kinds(alice) == ["signed_in", "signed_out"]
    assert set(SecurityEvent.objects.values_list("channel", flat=True)) == {"api"}


def test_logging_out_twice_over_the_api_is_recorded_once(alice: User) -> None:
    token = api_login()
    Api(token=token).post("/auth/logout")
    Api(token=token).post("/auth/logout")

    assert kinds(alice) == ["signed_in", "signed_out"]


def test_changing_the_password(alice: User, client: Client) -> None:
    client.force_login(alice)
    wanted = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    client.post("/accounts/password/change/", wanted)

    assert kinds(alice) == ["password_changed"]
    assert subjects() == ["Your password was changed"]


def test_resetting_the_password(alice: User, client: Client) -> None:
    reset_password(client)

    assert kinds(alice) == ["password_reset"]


def reset_password(client: Client, password: str = NEW_PASSWORD) -> None:
    mail.outbox.clear()
    client.post("/accounts/password/reset/", {"email": "alice@example.com"})
    link = next(word for word in str(mail.outbox[0].body).split() if "/reset/key/" in word)
    form = client.get(link, follow=True).wsgi_request.path
    client.post(form, {"password1": password, "password2": password})


def test_changing_the_password_by_a_command(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getpass", lambda prompt: NEW_PASSWORD)
    call_command("changepassword", "alice", verbosity=0)

    event = SecurityEvent.objects.get(user=alice)
    assert (event.kind, event.channel, event.address) == ("password_changed", "server", None)


def test_creating_and_revoking_a_token(alice: User, client: Client) -> None:
    client.force_login(alice)
    reauthenticated(client)
    client.post("/tokens/", {"name": "Till", "scope": "read", "valid_days": "1"})
    client.post("/tokens/revoke/", {"digest": ApiToken.objects.get().digest})

    assert kinds(alice) == ["token_created", "token_revoked"]
    assert [event.detail["name"] for event in SecurityEvent.objects.all()] == ["Till", "Till"]
    assert subjects() == ["A new API token was created"]
    assert "“Till”" in str(mail.outbox[0].body)


def test_revoking_a_token_that_does_not_exist_is_not_recorded(alice: User, client: Client) -> None:
    client.force_login(alice)
    assert client.post("/tokens/revoke/", {"digest": "made up"}).status_code == 404

    assert kinds(alice) == []


def test_turning_two_factor_authentication_on_and_off(alice: User) -> None:
    factor = TOTP.activate(alice, "JBSWY3DPEHPK3PXP").instance
    factor.delete()

    assert kinds(alice) == ["factor_added", "factor_removed"]


def test_creating_recovery_codes_in_the_browser(alice: User, client: Client) -> None:
    client.force_login(alice)
    TOTP.activate(alice, TOTP_SECRET)
    code = format_hotp_value(hotp_value(TOTP_SECRET, int(time.time()) // 30))
    client.post("/accounts/2fa/reauthenticate/", {"code": code})
    client.post("/accounts/2fa/recovery-codes/generate/")
    client.post("/accounts/2fa/recovery-codes/generate/")

    assert kinds(alice) == ["factor_added", "recovery_codes_made", "recovery_codes_made"]


def test_what_staff_do_to_an_account(alice: User) -> None:
    root = User.objects.create_superuser("root", "root@example.com", PASSWORD)
    staff = browser_of(root)
    TOTP.activate(alice, "JBSWY3DPEHPK3PXP")
    token, _ = token_issue(user=alice, name="Till")

    factor = Authenticator.objects.get(user=alice)
    why = {"reason": "Asked by phone"}
    staff.post("/admin/mfa/authenticator/", {"action": "remove", "_selected_action": [factor.pk], **why})
    staff.post("/admin/wallets/apitoken/", {"action": "revoke", "_selected_action": [token.pk], **why})
    staff.post(f"/admin/wallets/user/{alice.pk}/change/", {"is_active": "", **why, **INLINE})

    events = SecurityEvent.objects.filter(user=alice, channel="admin").order_by("id")
    assert [(event.kind, event.detail) for event in events] == [
        ("staff_changed", {"actor": "root", "removed_factor": "totp", **why}),
        ("factor_removed", {"factor": "totp"}),
        ("token_revoked", {"actor": "root", "name": "Till", **why}),
        ("staff_changed", {"actor": "root", "fields": ["is_active"], "is_active": False, **why}),
    ]
    assert subjects() == ["A second factor was removed from your account"]


# --- Mails about new sign-ins ---


def test_a_sign_in_in_an_unknown_browser_is_told_to_the_owner_once(alice: User, client: Client) -> None:
    page_login(client)
    client.post("/accounts/logout/")
    page_login(client)

    assert subjects() == ["New login to your account"]
    assert "lock your account" in str(mail.outbox[0].body)


def test_signing_up_is_not_told_as_a_sign_in(db: None, client: Client) -> None:
    form = {"username": "dora", "email": "dora@example.com", "password1": PASSWORD}
    client.post("/accounts/signup/", form)
    client.post("/accounts/logout/")
    client.post("/accounts/login/", {"login": "dora", "password": PASSWORD})

    assert "New login to your account" not in subjects()


def test_a_program_at_a_new_address_is_told_to_the_owner_once(alice: User) -> None:
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.1"):
        api_login(address)

    assert subjects() == ["New login to your account"] * 2


# --- The page and the admin ---


def test_the_owner_sees_the_events_newest_first_and_page_by_page(alice: User, bob: User, client: Client) -> None:
    client.force_login(alice)
    security_event_record(user=bob, kind=SecurityEventKind.LOCKED)
    for number in range(35):
        detail = {"name": f"token number {number:02}"}
        security_event_record(user=alice, kind=SecurityEventKind.TOKEN_CREATED, detail=detail)

    first = client.get("/accounts/security/").content.decode()
    assert first.index("token number 34") < first.index("token number 05")
    assert "token number 04" not in first
    assert "Account locked" not in first
    older = first.partition('href="?before=')[2].partition('"')[0]
    second = client.get("/accounts/security/", {"before": older}).content.decode()
    assert "token number 04" in second
    assert "token number 00" in second
    assert "?before=" not in second


@pytest.mark.parametrize("before", ["x", "-1", "9" * 30, "\u0661", ""])
def test_an_odd_page_is_the_first(alice: User, client: Client, before: str) -> None:
    client.force_login(alice)

    assert client.get("/accounts/security/", {"before": before}).status_code == 200


def test_what_a_client_sent_is_shown_as_text(alice: User, client: Client) -> None:
    page_login(client, User_Agent="<script>alert(1)</script>")

    assert "<script>alert" not in client.get("/accounts/security/").content.decode()


def staff_with(*permissions: str) -> Client:
    user = person("clerk")
    user.is_staff = True
    user.save()
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return browser_of(user)


@pytest.mark.parametrize(("permissions", "status"), [(["view_securityevent"], 200), (["view_user"], 403)])
def test_staff_need_a_permission_to_read_the_log(alice: User, permissions: list[str], status: int) -> None:
    security_event_record(user=alice, kind=SecurityEventKind.SIGNED_IN)

    response = staff_with(*permissions).get("/admin/wallets/securityevent/", {"q": "ali"})

    assert response.status_code == status
    if status == 200:
        assert "Logged in" in response.content.decode()


@pytest.mark.parametrize("what", ["add/", "1/change/", "1/delete/"])
def test_nobody_changes_the_log_in_the_admin(alice: User, what: str) -> None:
    superuser = browser_of(superuser_create())
    security_event_record(user=alice, kind=SecurityEventKind.SIGNED_IN)
    event = SecurityEvent.objects.get(user=alice)

    response = superuser.post(f"/admin/wallets/securityevent/{what.replace('1', str(event.pk))}", {"post": "yes"})

    assert response.status_code == 403
    assert SecurityEvent.objects.filter(pk=event.pk).exists()
