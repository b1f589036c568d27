"""Staff with the permission replay and fail dead letters: each once, and recorded in the audit trail."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client

from tests.admin.urls import DEAD_LETTERS, JOBS, TRAIL, dry_run_url, letter_url, settle_url
from tests.audit.books import Books
from tests.dead_letter_desk.letters import FAULT, dead_make, is_dead, outcome_of, queue_drain
from tests.staff import browser_of
from transactions.admin.settlement import TRANSFERS_MAX
from transactions.audit import books_audit
from transactions.models import DeadLetter, DeadLetterAction, Entry, Job, Transaction
from wallets.models import User


@pytest.fixture
def dead(books: Books, alice: User) -> Transaction:
    """A dead letter: 10.00 from Alice to Bob."""
    return dead_make(alice, "bob", memo="for the theatre")


@pytest.fixture
def onlooker(staff_create: Callable[..., User]) -> Client:
    """The browser of a staff user who may view dead letters but not settle them."""
    return browser_of(staff_create("onlooker", "view_deadletter", "view_job", "view_deadletteraction"))


def test_a_replayed_transfer_is_posted_and_recorded(superuser: Client, dead: Transaction, root: User) -> None:
    answer = superuser.post(settle_url("replay", dead), {"note": " repaired "}, follow=True)
    queue_drain()

    assert answer.wsgi_request.path == DEAD_LETTERS
    assert "Replayed: transfer" in answer.content.decode()
    assert outcome_of(dead) == ("posted", "")
    action = DeadLetterAction.objects.get()
    assert (action.transaction_id, action.action, action.actor) == (dead.id, "replayed", root)
    assert (action.note, action.fault, action.attempts) == ("repaired", FAULT, 8)
    assert books_audit().clean


def test_a_failed_transfer_is_final_and_recorded(superuser: Client, dead: Transaction, root: User) -> None:
    superuser.post(settle_url("fail", dead), {"note": "Paid by hand"})

    assert outcome_of(dead) == ("failed", "settlement_failed")
    assert not Job.objects.exists()
    action = DeadLetterAction.objects.get()
    assert (action.action, action.actor, action.note) == ("failed", root, "Paid by hand")
    assert books_audit().clean


@pytest.mark.parametrize("note", ["", "   ", None, "x" * 501])
def test_a_transfer_is_not_failed_without_a_valid_note(superuser: Client, dead: Transaction, note: str | None) -> None:
    answer = superuser.post(settle_url("fail", dead), {} if note is None else {"note": note})

    assert answer.status_code == 422
    assert "errorlist" in answer.content.decode()
    assert is_dead(dead)
    assert not DeadLetterAction.objects.exists()


@pytest.mark.parametrize("name", ["replay", "fail"])
def test_viewing_the_confirmation_changes_nothing(superuser: Client, dead: Transaction, name: str) -> None:
    page = superuser.get(settle_url(name, dead)).content.decode()

    assert f"{name.capitalize()} transfer {dead.id}?" in page
    assert is_dead(dead)
    assert not DeadLetterAction.objects.exists()


def test_several_are_selected_in_the_list_and_replayed_together(
    superuser: Client, dead: Transaction, alice: User
) -> None:
    others = [dead_make(alice, "bob", amount=1), dead_make(alice, "bob", amount=2)]
    selected = {"action": "replay", "_selected_action": [letter.pk for letter in DeadLetter.objects.all()[:2]]}

    to_confirm = superuser.post(DEAD_LETTERS, selected)
    page = superuser.get(to_confirm["Location"]).content.decode()
    superuser.post(to_confirm["Location"])
    queue_drain()

    assert "Replay 2 transfers?" in page
    assert [outcome_of(transfer)[0] for transfer in (dead, *others)] == ["posted", "posted", "pending"]
    assert DeadLetterAction.objects.count() == 2


def test_a_transfer_that_is_not_dead_any_more_is_left_as_it_is(
    superuser: Client, dead: Transaction, alice: User
) -> None:
    other = dead_make(alice, "bob")
    superuser.post(settle_url("fail", dead), {"note": "First"})

    page = superuser.get(settle_url("replay", dead, other)).content.decode()
    done = superuser.post(settle_url("replay", dead, other), follow=True).content.decode()
    nothing = superuser.get(settle_url("replay", dead)).content.decode()

    assert "These are no longer dead letters" in page
    assert "Unchanged: transfer" in done
    assert "Nothing to replay" in nothing
    assert 'value="Replay"' not in nothing
    assert [action.transaction_id for action in DeadLetterAction.objects.all()] == [dead.id, other.id]


def test_a_selection_that_was_decided_meanwhile_does_nothing_more(superuser: Client, dead: Transaction) -> None:
    selected = {"action": "replay", "_selected_action": [DeadLetter.objects.get().pk]}
    superuser.post(settle_url("replay", dead))

    page = superuser.post(DEAD_LETTERS, selected, follow=True).content.decode()

    assert "The selected transfers are no longer dead letters." in page
    assert DeadLetterAction.objects.count() == 1


def test_too_long_a_selection_is_refused(superuser: Client, books: Books, alice: User) -> None:
    for _ in range(TRANSFERS_MAX + 1):
        dead_make(alice, "bob", amount=1)
    ids = [letter.pk for letter in DeadLetter.objects.all()]

    page = superuser.post(DEAD_LETTERS, {"action": "replay", "_selected_action": ids}, follow=True).content.decode()

    assert f"Select at most {TRANSFERS_MAX} transfers." in page


@pytest.mark.parametrize("ids", ["", "x", "1,2", "9" * 40, "٣", ",", "-1"])
def test_there_is_no_page_for_transfers_that_do_not_exist(superuser: Client, dead: Transaction, ids: str) -> None:
    assert superuser.get(f"{DEAD_LETTERS}settle/replay/", {"ids": ids}).status_code == 404
    assert superuser.post(f"{DEAD_LETTERS}settle/fail/?ids={ids}", {"note": "x"}).status_code == 404


@pytest.mark.parametrize(
    "path", [f"{DEAD_LETTERS}dry-run/{'9' * 40}/", f"{DEAD_LETTERS}dry-run/1/", f"{DEAD_LETTERS}settle/forget/?ids=1"]
)
def test_other_urls_do_not_exist(superuser: Client, dead: Transaction, path: str) -> None:
    assert superuser.get(path).status_code == 404


def test_staff_who_may_only_view_cannot_settle(onlooker: Client, dead: Transaction) -> None:
    page = onlooker.get(letter_url(dead)).content.decode()
    listed = onlooker.get(DEAD_LETTERS).content.decode()

    assert "Replay" not in page + listed
    assert "Dry run" not in page
    assert onlooker.get(dry_run_url(dead)).status_code == 403
    for name in ("replay", "fail"):
        assert onlooker.get(settle_url(name, dead)).status_code == 403
        assert onlooker.post(settle_url(name, dead), {"note": "Because"}).status_code == 403
    onlooker.post(DEAD_LETTERS, {"action": "replay", "_selected_action": [DeadLetter.objects.get().pk]})
    assert is_dead(dead)
    assert not DeadLetterAction.objects.exists()


def test_settling_needs_the_view_permission_and_no_other(staff_create: Callable[..., User], dead: Transaction) -> None:
    blind = browser_of(staff_create("blind", "settle_dead_letters"))
    settler = browser_of(staff_create("settler", "view_deadletter", "settle_dead_letters"))

    assert blind.post(settle_url("replay", dead)).status_code == 403
    assert "Replay" in settler.get(letter_url(dead)).content.decode()
    settler.post(settle_url("replay", dead))

    assert not is_dead(dead)


def test_customers_and_staff_without_permissions_are_refused(
    staff_create: Callable[..., User], dead: Transaction, alice: User
) -> None:
    for browser in (browser_of(staff_create("newcomer")), browser_of(alice)):
        for path in (DEAD_LETTERS, JOBS, TRAIL, letter_url(dead), dry_run_url(dead), settle_url("replay", dead)):
            assert browser.get(path, follow=True).status_code == 403


def test_a_replay_needs_a_csrf_token(root: User, dead: Transaction) -> None:
    stranger = Client(enforce_csrf_checks=True)
    stranger.force_login(root)

    assert stranger.post(settle_url("replay", dead)).status_code == 403
    assert is_dead(dead)


@pytest.mark.django_db(transaction=True)
def test_two_staff_who_click_at_once_replay_once(staff_create: Callable[..., User], dead: Transaction) -> None:
    rights = ["view_deadletter", "settle_dead_letters"]
    staff = [browser_of(staff_create(name, *rights)) for name in ("staff1", "staff2")]
    start = threading.Barrier(len(staff))
    statuses: list[int] = []

    def click(browser: Client) -> None:
        try:
            start.wait(timeout=10)
            statuses.append(browser.post(settle_url("replay", dead), {"note": "Both saw it"}).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=click, args=(browser,)) for browser in staff]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    queue_drain()

    assert statuses == [302, 302]
    assert DeadLetterAction.objects.count() == 1
    assert outcome_of(dead) == ("posted", "")
    assert Entry.objects.filter(transaction=dead).count() == 2
    assert books_audit().clean


@pytest.mark.django_db(transaction=True)
def test_a_dead_letter_that_stays_locked_is_left_as_it_is(superuser: Client, dead: Transaction) -> None:
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("BEGIN")
                cursor.execute("SELECT 1 FROM transactions_job FOR UPDATE")
                locked.set()
                done.wait(timeout=20)
                cursor.execute("ROLLBACK")
        finally:
            connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert locked.wait(timeout=10)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '100ms'")
        forecast = superuser.get(dry_run_url(dead)).content.decode()
        page = superuser.post(settle_url("fail", dead), {"note": "Paid by hand"}, follow=True).content.decode()
    finally:
        done.set()
        holder.join(timeout=20)
        connection.close()

    assert "The dry run is not possible now. It is in use; try again." in forecast
    assert "Not failed: transfer" in page
    assert is_dead(dead)


@pytest.mark.parametrize("name", ["replay", "fail"])
def test_staff_do_not_decide_on_their_own_transfers(
    name: str, staff_create: Callable[..., User], books: Books, alice: User
) -> None:
    bob = User.objects.get(username="bob")
    bob.is_staff = bob.is_superuser = True
    bob.save()
    dead = dead_make(alice, "bob", memo="to a member of staff")

    answer = browser_of(bob).post(settle_url(name, dead), {"note": "Let me have it"}, follow=True)

    assert "This is your own transfer. Ask a colleague." in answer.content.decode()
    assert is_dead(dead)
    assert not DeadLetterAction.objects.exists()
