"""The dead letters in a real browser: by keyboard, and within the security policy."""

import pytest
from allauth.mfa.totp.internal.auth import TOTP

from tests.audit.books import books_write
from tests.browser.conftest import Visit
from tests.browser.person import Person, second_factor_enter
from tests.dead_letter_desk.letters import dead_make, is_dead, outcome_of, pending_make
from tests.people import PASSWORD
from tests.staff import TOTP_SECRET
from transactions.models import Job
from wallets.models import User
from wallets.services import user_register

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def _staff_comes_in(person: Person) -> None:
    user = user_register(username=person.name, email=f"{person.name}@example.com", password=PASSWORD)
    user.is_staff = user.is_superuser = True
    user.save()
    TOTP.activate(user, TOTP_SECRET)
    person.opens("/admin/")
    person.fills("Username or email", person.name)
    person.fills("Password", PASSWORD)
    person.presses("Log in")
    second_factor_enter(person)
    person.reads("Administration")


def test_staff_dry_run_a_dead_letter_and_fail_it(visit: Visit, alice: User, bob: User, charlie: User) -> None:
    books_write(alice=alice, bob=bob, charlie=charlie)
    transfer = dead_make(alice, "bob")
    root = visit("root")
    _staff_comes_in(root)

    root.opens("/admin/transactions/deadletter/")
    root.page.locator("#result_list a").first.click()
    root.follows("Dry run")
    root.reads("It would be posted.")
    root.follows("Fail")
    root.presses("Fail")
    root.reads("This field is required.")
    root.page.get_by_label("Note").fill("Paid by hand")
    root.presses("Fail")

    root.reads(f"Failed: transfer {transfer.id}.")
    assert outcome_of(transfer) == ("failed", "settlement_failed")


def test_staff_replay_several_dead_letters_from_the_list(visit: Visit, alice: User, bob: User, charlie: User) -> None:
    books_write(alice=alice, bob=bob, charlie=charlie)
    transfers = [dead_make(alice, "bob", amount=1), dead_make(alice, "charlie", amount=2)]
    root = visit("root")
    _staff_comes_in(root)

    root.opens("/admin/transactions/deadletter/")
    root.page.get_by_label("Select all objects on this page for an action").check()
    root.page.get_by_label("Action:").select_option(label="Replay selected transfers")
    root.presses("Go")
    root.reads("Replay 2 transfers?")
    root.page.get_by_label("Note (optional)").press("Tab")
    root.page.keyboard.press("Enter")

    root.reads("Replayed: transfer")
    assert [is_dead(transfer) for transfer in transfers] == [False, False]


def test_no_page_of_the_dead_letters_violates_the_security_policy(
    visit: Visit, alice: User, bob: User, charlie: User
) -> None:
    books_write(alice=alice, bob=bob, charlie=charlie)
    dead, pending = dead_make(alice, "bob"), pending_make(bob, "alice", amount=1)
    pages = {transfer: Job.objects.get(transaction=transfer).pk for transfer in (dead, pending)}
    root = visit("root")
    _staff_comes_in(root)

    for path in [
        "deadletter/",
        "deadletteraction/",
        "job/",
        f"deadletter/{pages[dead]}/change/",
        f"job/{pages[pending]}/change/",
        f"deadletter/dry-run/{dead.id}/",
        f"deadletter/settle/fail/?ids={dead.id},{pending.id}",
    ]:
        answer = root.page.goto(f"/admin/transactions/{path}")
        assert answer is not None
        assert answer.status == 200, path
        assert "script-src 'self'" in answer.headers["content-security-policy"]
