"""Security activity and locking the account, in a browser."""

import pytest
from django.core import mail

from tests.browser.conftest import Visit
from wallets.models import User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("javascript", [True, False])
def test_a_user_sees_a_login_and_locks_the_account(visit: Visit, alice: User, javascript: bool) -> None:
    person = visit("alice", javascript=javascript, width=360)
    person.logs_in()
    person.opens("/settings/")
    person.follows("Security activity")
    person.reads("Logged in")
    person.follows("Lock my account")
    person.reads("Lock your account?")
    person.presses("Lock my account")
    person.reads("Your account is locked")
    alice.refresh_from_db()
    assert not alice.is_active


def test_the_owner_locks_the_account_through_the_mail_about_a_strangers_login(visit: Visit, alice: User) -> None:
    visit("alice").logs_in()
    link = next(word for word in str(mail.outbox[-1].body).split() if "/accounts/lock/" in word)

    owner = visit("owner", width=360)
    owner.opens(link)
    owner.presses("Lock my account")
    owner.reads("Your account is locked")
    alice.refresh_from_db()
    assert not alice.is_active
