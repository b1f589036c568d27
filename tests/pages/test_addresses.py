"""Email addresses in the browser: who learns what, and who can take an account over."""

import re
from typing import Any

import pytest
from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core import mail
from django.test import Client
from django.utils.html import strip_tags
from pytest_django import Settings

from tests.pages.kit import fill, forms_of, read, reauthenticated, send, text_of
from tests.people import PASSWORD
from wallets.addresses import address_confirm, address_request
from wallets.auth.forms import ResetPasswordKeyForm
from wallets.models import User

NEW_PASSWORD = "a longer phrase than before"
EMAIL = "/accounts/email/"


def sign_up(client: Client, name: str, email: str) -> Any:
    return send(client, "/accounts/signup/", {"username": name, "email": email, "password1": PASSWORD})


def change_email(client: Client, email: str) -> Any:
    return send(client, EMAIL, {"email": email, "action_add": ""})


def link_to(address: str, *, path: str = "/accounts/") -> str:
    """The link in the last mail to this address."""
    message = [message for message in mail.outbox if message.to == [address]][-1]
    found = re.search(rf"http://testserver({path}\S+)", str(message.body))
    assert found, message.body
    return found[1]


def words_of(page: Any) -> str:
    return re.sub(r"\s+", " ", strip_tags(text_of(page)))


def email_of(user: User) -> str | None:
    return User.objects.get(pk=user.pk).email


def test_signing_up_with_an_email_in_use_looks_like_any_other_sign_up(alice: User) -> None:
    seen = []
    for name, email in (("dora", "unused@example.com"), ("dana", "alice@example.com")):
        client = Client()
        answer = sign_up(client, name, email)
        pages = [client.get(path) for path in ("/", "/settings/", EMAIL)]
        resent = send(client, EMAIL, {"email": email, "action_send": ""})
        pages.append(client.get(EMAIL))
        shown = [words_of(page).replace(name, "NAME").replace(email, "EMAIL") for page in pages]
        seen.append((answer.status_code, answer["Location"], resent.status_code, shown))
    assert seen[0] == seen[1]
    assert email_of(alice) == "alice@example.com"


def test_the_owner_of_the_email_is_told_and_gets_no_link_to_confirm_it(alice: User, client: Client) -> None:
    sign_up(client, "mallory", "Alice@example.com")
    (message,) = mail.outbox
    assert message.to == ["alice@example.com"]
    assert message.subject == "Somebody entered your email"
    assert "confirm-email" not in message.body
    assert "mallory" not in message.body


def test_changing_to_an_email_in_use_looks_like_any_other_change(alices: Client, bob: User) -> None:
    reauthenticated(alices)
    seen = []
    for email in ("unused@example.com", "bob@example.com"):
        answer = change_email(alices, email)
        seen.append((answer.status_code, words_of(alices.get(EMAIL)).replace(email, "EMAIL")))
    assert seen[0] == seen[1]
    assert [message.subject for message in mail.outbox] == ["Confirm your email", "Somebody entered your email"]


@pytest.mark.parametrize("action", ["action_primary", "action_send", "action_remove"])
def test_no_form_makes_an_email_the_accounts_own(client: Client, alice: User, action: str) -> None:
    sign_up(client, "mallory", "alice@example.com")
    reauthenticated(client)
    send(client, EMAIL, {"email": "alice@example.com", action: ""})
    mallory = User.objects.get(username="mallory")
    assert email_of(mallory) is None
    assert not EmailAddress.objects.filter(user=mallory, verified=True).exists()


def test_an_unconfirmed_email_logs_nobody_in_and_resets_no_password(client: Client, db: None) -> None:
    sign_up(client, "dora", "dora@example.com")
    browser = Client()
    page = text_of(fill(browser, "/accounts/login/", login="dora@example.com", password=PASSWORD))
    assert "or the password is wrong." in page
    assert fill(browser, "/accounts/login/", login="dora", password=PASSWORD)["Location"] == "/"
    fill(Client(), "/accounts/password/reset/", email="dora@example.com")
    assert mail.outbox[-1].subject == "No account with this email"


def test_the_second_account_to_follow_its_link_reads_that_it_no_longer_works(db: None) -> None:
    first, second = Client(), Client()
    sign_up(first, "dora", "shared@example.com")
    links = [link_to("shared@example.com")]
    sign_up(second, "emil", "shared@example.com")
    links.append(link_to("shared@example.com"))
    second.post(links[1])
    first.post(links[0])
    assert "the link no longer works" in read(first, EMAIL)
    assert User.objects.get(email="shared@example.com").username == "emil"


def test_a_link_confirms_once(client: Client, db: None) -> None:
    sign_up(client, "dora", "dora@example.com")
    link = link_to("dora@example.com")
    client.post(link)
    assert email_of(User.objects.get()) == "dora@example.com"
    assert client.post(link).status_code == 404
    assert "This link no longer works" in text_of(client.get(link))


def test_a_change_of_email_needs_the_password_again(alices: Client, alice: User) -> None:
    asked = change_email(alices, "new@example.com")
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    assert not EmailAddress.objects.filter(verified=False).exists()
    # The form is submitted after the password, without being filled in again.
    fill(alices, asked["Location"], password=PASSWORD)
    assert EmailAddress.objects.filter(user=alice, email="new@example.com", verified=False).exists()


def test_with_a_second_factor_the_password_alone_is_not_enough(alices: Client, alice: User) -> None:
    TOTP.activate(alice, generate_totp_secret())
    assert change_email(alices, "new@example.com")["Location"].startswith("/accounts/2fa/reauthenticate/")
    answer = alices.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert answer["Location"].startswith("/accounts/2fa/reauthenticate/")
    assert not EmailAddress.objects.filter(verified=False).exists()


@pytest.mark.parametrize("how", ["reset", "change"])
def test_a_new_password_cancels_a_change_that_somebody_else_has_begun(alices: Client, alice: User, how: str) -> None:
    """Mallory has Alice's session, and asks for a change to an address of his own before Alice notices."""
    change_email(reauthenticated(alices), "mallory@example.com")
    link = link_to("mallory@example.com")
    if how == "reset":
        fill(Client(), "/accounts/password/reset/", email="alice@example.com")
        owner = Client()
        page = owner.get(link_to("alice@example.com", path="/accounts/password/"))
        fill(owner, page["Location"], password1=NEW_PASSWORD, password2=NEW_PASSWORD)
    else:
        given = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
        fill(alices, "/accounts/password/change/", **given)
    alice.refresh_from_db()
    assert alice.check_password(NEW_PASSWORD)
    assert Client().post(link).status_code == 404
    assert email_of(alice) == "alice@example.com"
    assert not EmailAddress.objects.filter(user=alice, verified=False).exists()


def test_a_pending_change_does_not_end_the_owners_reset_links(alices: Client, alice: User) -> None:
    fill(Client(), "/accounts/password/reset/", email="alice@example.com")
    change_email(reauthenticated(alices), "mallory@example.com")
    owner = Client()
    page = owner.get(link_to("alice@example.com", path="/accounts/password/"))
    fill(owner, page["Location"], password1=NEW_PASSWORD, password2=NEW_PASSWORD)
    alice.refresh_from_db()
    assert alice.check_password(NEW_PASSWORD)


def test_a_reset_link_ends_with_a_change_of_email(alices: Client, alice: User) -> None:
    fill(Client(), "/accounts/password/reset/", email="alice@example.com")
    old_link = link_to("alice@example.com", path="/accounts/password/")
    change_email(reauthenticated(alices), "new@example.com")
    alices.post(link_to("new@example.com"))
    assert "no longer works" in text_of(Client().get(old_link, follow=True))


def taken_over(alices: Client) -> str:
    """Mallory, in Alice's browser, has changed her email. Returns the link that she gets."""
    change_email(reauthenticated(alices), "mallory@example.com")
    alices.post(link_to("mallory@example.com"))
    return link_to("alice@example.com", path="/accounts/email/undo/")


def test_the_old_email_undoes_a_change_and_its_owner_chooses_a_new_password(alices: Client, alice: User) -> None:
    link = taken_over(alices)
    assert email_of(alice) == "mallory@example.com"
    owner = Client()
    assert "alice@example.com" in text_of(owner.get(link))
    assert email_of(alice) == "mallory@example.com", "opening the link must change nothing"
    asked = owner.post(link, follow=True)
    assert alices.get("/settings/").status_code == 302, "the session must end"
    assert mail.outbox[-1].to == ["mallory@example.com"]
    path = asked.redirect_chain[-1][0]
    send(owner, path, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    alice.refresh_from_db()
    assert alice.email == "alice@example.com"
    assert alice.check_password(NEW_PASSWORD)
    assert fill(Client(), "/accounts/login/", login="alice@example.com", password=NEW_PASSWORD)["Location"] == "/"
    again = Client().post(link)
    assert (again.status_code, "This link no longer works" in text_of(again)) == (404, True)


def test_after_an_undo_the_old_password_logs_nobody_in(alices: Client, alice: User) -> None:
    Client().post(taken_over(alices))
    page = text_of(fill(Client(), "/accounts/login/", login="alice", password=PASSWORD))
    assert "or the password is wrong." in page
    # Whoever closes the page can ask for another link.
    fill(Client(), "/accounts/password/reset/", email="alice@example.com")
    assert mail.outbox[-1].subject == "Reset your Wallet password"


@pytest.mark.parametrize("key", ["x", "a" * 43, "%00", "ü"])
def test_an_invented_link_undoes_nothing(client: Client, db: None, key: str) -> None:
    assert client.get(f"/accounts/email/undo/{key}/").status_code == 404
    assert client.post(f"/accounts/email/undo/{key}/").status_code == 404


def test_creating_a_token_needs_the_password_again_and_seeing_them_does_not(alices: Client) -> None:
    assert alices.get("/tokens/").status_code == 200
    asked = send(alices, "/tokens/", {"name": "Till", "scope": "read", "valid_days": "1"})
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    created = fill(alices, asked["Location"], password=PASSWORD)
    assert created.status_code == 201
    assert "Till" in text_of(created)


def test_two_factor_authentication_needs_no_confirmed_email(client: Client, db: None) -> None:
    """An email that is not confirmed can do nothing, so it cannot lock anybody out either."""
    sign_up(client, "dora", "dora@example.com")
    reauthenticated(client)
    assert "totp-secret" in text_of(client.get("/accounts/2fa/totp/activate/"))


def test_it_adds_an_email_to_an_account_without_one(client: Client, db: None) -> None:
    sign_up(client, "dora", "dora@mistyped.example")
    reauthenticated(client)
    change_email(client, "Dora@Bücher.example")
    client.post(link_to("dora@xn--bcher-kva.example"))
    assert email_of(User.objects.get()) == "dora@xn--bcher-kva.example"
    assert "Not confirmed" not in text_of(client.get("/settings/"))


def test_it_changes_the_name(alices: Client, alice: User, bob: User) -> None:
    assert fill(alices, "/settings/name/", display_name=" Alice  B. ")["Location"] == "/settings/"
    assert "Alice B." in text_of(alices.get("/settings/"))
    page = fill(alices, "/settings/name/", display_name="B0b")
    assert page.status_code == 422
    assert "looks like another user" in text_of(page)
    assert forms_of(page)[-1]["display_name"] == "B0b"


def test_a_reset_link_does_nothing_if_the_email_changes_after_it_was_checked(alice: User, client: Client) -> None:
    token = default_token_generator.make_token(alice)
    passwords = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    form = ResetPasswordKeyForm(passwords, user=alice, temp_key=token)
    assert form.is_valid()
    assert address_confirm(address=address_request(user=User.objects.get(pk=alice.pk), email="new@example.com"))
    with pytest.raises(ImmediateHttpResponse):
        form.save()
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_confirmation_mails_do_not_flood_a_mailbox(db: None, settings: Settings) -> None:
    """Anybody can sign up with anybody's email. The mails stop, and the pages stay the same."""
    settings.THROTTLE_ENABLED = True
    statuses = {
        sign_up(Client(REMOTE_ADDR=f"192.0.2.{number}"), f"person-{number}", "flooded@example.com").status_code
        for number in range(14)
    }
    assert statuses == {302}
    assert 10 <= len(mail.outbox) <= 11
