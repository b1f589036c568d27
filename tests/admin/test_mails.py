"""Staff see what became of each mail, decide on undeliverable ones, and read no link that resets a password."""

from collections.abc import Callable

import pytest
from django.contrib.admin.models import LogEntry
from django.core.mail import send_mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from notifications.models import Mail, MailState
from tests.pages.kit import text_of
from tests.staff import browser_of
from wallets.models import User

MAILS = "/admin/notifications/mail/"
SECRET = "http://testserver/accounts/password/reset/key/1-secret/"


@pytest.fixture(autouse=True)
def _queued(settings: Settings, db: None) -> None:
    settings.EMAIL_BACKEND = "notifications.backends.QueueBackend"


@pytest.fixture
def clerk(staff_create: Callable[..., User]) -> Client:
    return browser_of(staff_create("clerk", "view_mail"))


@pytest.fixture
def postmaster(staff_create: Callable[..., User]) -> Client:
    return browser_of(staff_create("postmaster", "view_mail", "decide_mail"))


def write(to: str = "alice@example.com", *, refused: str = "") -> Mail:
    send_mail("Reset your password", SECRET, None, [to])
    mail = Mail.objects.latest("id")
    if refused:
        mail.state, mail.last_error, mail.finished_at = MailState.UNDELIVERABLE, refused, timezone.now()
        mail.save()
    return mail


def act(client: Client, action: str, *mails: Mail, reason: str = "Alice called.") -> str:
    chosen = [mail.pk for mail in mails]
    selected = {"action": action, "index": "0", "_selected_action": chosen, "reason": reason}
    return text_of(client.post(MAILS, selected, follow=True))


def test_an_undeliverable_mail_is_listed_with_its_reason(clerk: Client) -> None:
    refused, _ = write("nobody@example.com", refused="550 No such user"), write()

    page = text_of(clerk.get(f"{MAILS}?state__exact=undeliverable"))

    assert "nobody@example.com" in page
    assert "550 No such user" in page
    assert "alice@example.com" not in page
    assert "550 No such user" in text_of(clerk.get(f"{MAILS}{refused.pk}/change/"))


def test_nobody_reads_the_content_of_a_mail(superuser: Client) -> None:
    mail = write()

    for path in (MAILS, f"{MAILS}{mail.pk}/change/", f"{MAILS}{mail.pk}/history/"):
        response = superuser.get(path)
        assert response.status_code == 200
        assert "secret" not in text_of(response)


def test_a_mail_is_found_by_its_recipient(clerk: Client) -> None:
    write("bob@example.com")
    wanted = write()

    for term in ("alice@example.com", " Alice@Example.com "):
        response = clerk.get(MAILS, {"q": term})
        assert [mail.pk for mail in response.context["cl"].result_list] == [wanted.pk]
    assert not clerk.get(MAILS, {"q": "alice"}).context["cl"].result_list


def test_the_list_makes_the_same_number_of_queries_for_one_mail_as_for_many(clerk: Client) -> None:
    write()
    with CaptureQueriesContext(connection) as few:
        clerk.get(MAILS)
    for _ in range(9):
        write()

    with CaptureQueriesContext(connection) as many:
        clerk.get(MAILS)

    assert len(many) == len(few)
    assert not any('"content"' in query["sql"] for query in many if "notifications_mail" in query["sql"])


def test_an_undeliverable_mail_is_sent_again_on_record(postmaster: Client) -> None:
    refused, sent = write(refused="550 Relaying denied"), write()
    Mail.objects.filter(pk=sent.pk).update(state=MailState.SENT, content=None, finished_at=timezone.now())

    page = act(postmaster, "send_again", refused, sent)

    assert f"Queued again: mail {refused.pk}." in page
    assert "Unchanged" in page
    refused.refresh_from_db()
    sent.refresh_from_db()
    assert (refused.state, sent.state) == (MailState.QUEUED, MailState.SENT)
    (entry,) = LogEntry.objects.all()
    assert (entry.user.get_username(), entry.object_id) == ("postmaster", str(refused.pk))
    assert entry.change_message == "Queued again: Alice called."


def test_a_queued_mail_is_given_up_on_record(postmaster: Client) -> None:
    mail = write()

    assert f"Given up: mail {mail.pk}." in act(postmaster, "give_up", mail)

    mail.refresh_from_db()
    assert (mail.state, mail.content) == (MailState.UNDELIVERABLE, None)
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.change_message) == (str(mail.pk), "Given up: Alice called.")
    assert "Alice called." in text_of(postmaster.get(f"{MAILS}{mail.pk}/history/"))


@pytest.mark.parametrize("action", ["send_again", "give_up"])
@pytest.mark.parametrize("reason", ["", " ", "x" * 501])
def test_staff_decide_nothing_without_a_reason(postmaster: Client, action: str, reason: str) -> None:
    mails = [write(refused="550 No"), write()]
    before = list(Mail.objects.order_by("id").values())

    assert "Give a reason of at most 500 characters." in act(postmaster, action, *mails, reason=reason)

    assert list(Mail.objects.order_by("id").values()) == before
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("action", ["send_again", "give_up", "delete_selected"])
def test_who_may_only_look_decides_nothing(clerk: Client, action: str) -> None:
    mails = [write(refused="550 No"), write()]
    before = list(Mail.objects.order_by("id").values())

    act(clerk, action, *mails)

    assert list(Mail.objects.order_by("id").values()) == before
    assert action not in text_of(clerk.get(MAILS))


def test_staff_without_the_permission_see_no_mail(staff_create: Callable[..., User]) -> None:
    mail = write()
    newcomer = browser_of(staff_create("newcomer", "decide_mail"))

    assert newcomer.get(MAILS).status_code == 403
    assert newcomer.get(f"{MAILS}{mail.pk}/change/").status_code == 403
    assert newcomer.post(MAILS, {"action": "give_up", "index": "0", "_selected_action": [mail.pk]}).status_code == 403


@pytest.mark.parametrize("path", ["add/", "1/delete/"])
def test_no_mail_is_written_or_deleted_in_the_admin(superuser: Client, path: str) -> None:
    mail = write()

    assert superuser.post(MAILS + path.replace("1", str(mail.pk)), {"post": "yes"}).status_code == 403
    assert superuser.post(f"{MAILS}{mail.pk}/change/", {"subject": "x"}).status_code == 403
    assert Mail.objects.get().subject == "Reset your password"
