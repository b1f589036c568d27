"""The admin in a real browser: it works within the security policy."""

import pytest
from allauth.mfa.totp.internal.auth import TOTP

from tests.audit.books import books_write
from tests.browser.conftest import Visit
from tests.browser.person import Person, second_factor_enter
from tests.people import PASSWORD, person
from tests.staff import TOTP_SECRET
from wallets.models import User, Wallet
from wallets.tokens.services import token_issue

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PAGES = [
    "/admin/",
    "/admin/wallets/",
    "/admin/wallets/user/",
    "/admin/wallets/wallet/",
    "/admin/wallets/apitoken/",
    "/admin/wallets/walletstatusevent/",
    "/admin/transactions/transaction/",
    "/admin/transactions/transaction/?q=alice&created_to=2030-01-01",
    "/admin/transactions/entry/",
    "/admin/account/emailaddress/",
    "/admin/mfa/authenticator/",
    "/admin/auth/group/add/",
]


def _root() -> User:
    user = person("root")
    user.is_staff = user.is_superuser = True
    user.save()
    TOTP.activate(user, TOTP_SECRET)
    return user


def _comes_in(person: Person) -> None:
    person.opens("/admin/")
    person.fills("Username or email", person.name)
    person.fills("Password", PASSWORD)
    person.presses("Log in")
    second_factor_enter(person)
    person.reads("Administration")


def test_staff_freeze_a_wallet_and_later_find_the_reason(visit: Visit, alice: User, bob: User, charlie: User) -> None:
    _root()
    root = visit("root")
    _comes_in(root)

    root.opens("/admin/wallets/wallet/")
    root.page.get_by_role("search").get_by_role("textbox").fill("alice")
    root.presses("Search")
    root.page.locator("#result_list a").first.click()
    root.follows("Freeze wallet")
    root.reads("Freeze alice USD?")
    root.page.get_by_label("Reason").fill("Stolen phone")
    root.presses("Freeze")

    root.reads("Frozen: alice USD.")
    root.reads("Stolen phone")
    assert Wallet.objects.get(owner=alice).status == "frozen"
    root.follows("Reopen wallet")
    root.presses("Reopen")
    assert Wallet.objects.get(owner=alice).status == "frozen"


def test_staff_select_wallets_in_the_list(visit: Visit, alice: User, bob: User) -> None:
    _root()
    root = visit("root")
    _comes_in(root)

    root.opens("/admin/wallets/wallet/?q=b")
    root.page.get_by_label("Select all objects on this page for an action").check()
    root.reads("1 of 1 selected")
    root.page.get_by_label("Action:").select_option(label="Freeze selected wallets")
    root.presses("Go")
    root.page.get_by_label("Reason").fill("An inquiry")
    root.presses("Freeze")

    root.reads("Frozen: bob USD.")
    assert Wallet.objects.get(owner=alice).status == "open"


def test_no_page_violates_the_security_policy(visit: Visit, alice: User, bob: User, charlie: User) -> None:
    books = books_write(alice=alice, bob=bob, charlie=charlie)
    token_issue(user=alice, name="phone")
    _root()
    root = visit("root")
    _comes_in(root)

    for path in [
        *PAGES,
        f"/admin/wallets/wallet/{books.alice}/change/",
        f"/admin/wallets/wallet/{books.alice}/history/",
        f"/admin/wallets/wallet/status/close/?ids={books.alice},{books.bob}",
        f"/admin/transactions/transaction/{books.transfer}/change/",
        f"/admin/wallets/user/{alice.pk}/change/",
    ]:
        answer = root.page.goto(path)
        assert answer is not None
        assert answer.status == 200, path
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
