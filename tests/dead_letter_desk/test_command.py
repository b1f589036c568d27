"""`manage.py dead_letters` lists, shows, replays and fails dead letters in a shell."""

import json
import subprocess
import sys
from collections.abc import Callable
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from tests.admin.conftest import staff_create  # noqa: F401 - a fixture
from tests.audit.books import Books, books_write
from tests.dead_letter_desk.letters import FAULT, dead_make, is_dead, outcome_of, pending_make, queue_drain
from transactions.models import DeadLetterAction, Transaction
from wallets.models import User, Wallet
from wallets.services import wallet_freeze


@pytest.fixture
def books(alice: User, bob: User, charlie: User) -> Books:
    return books_write(alice=alice, bob=bob, charlie=charlie)


@pytest.fixture
def dead(books: Books, alice: User) -> Transaction:
    return dead_make(alice, "bob", memo="for the theatre")


@pytest.fixture
def settler(staff_create: Callable[..., User]) -> User:  # noqa: F811 - the fixture
    return staff_create("settler", "settle_dead_letters")


def _run(*words: object) -> str:
    out = StringIO()
    call_command("dead_letters", *map(str, words), stdout=out)
    return out.getvalue()


def test_it_lists_the_longest_waiting_dead_letters_first(dead: Transaction, alice: User) -> None:
    pending_make(alice, "bob")
    later = dead_make(alice, "charlie")

    lines = _run("list").splitlines()

    assert [line.split()[0] for line in lines] == [str(dead.id), str(later.id)]
    for expected in ("alice USD to bob USD", "$10.00", "attempts: 8", FAULT.splitlines()[0]):
        assert expected in lines[0]


def test_it_lists_them_as_json(dead: Transaction, books: Books) -> None:
    (letter,) = json.loads(_run("list", "--json"))

    assert (letter["id"], letter["source"], letter["destination"]) == (str(dead.id), str(books.alice), str(books.bob))
    assert (letter["source_owner"], letter["destination_owner"]) == ("alice", "bob")
    assert (letter["currency"], letter["amount"], letter["attempts"]) == ("USD", 10_00, 8)
    assert letter["reason"] == FAULT
    assert letter["accepted_at"].endswith("+00:00")


def test_it_says_that_there_are_no_dead_letters(books: Books) -> None:
    assert _run("list") == "There are no dead letters.\n"
    assert json.loads(_run("list", "--json")) == []


def test_it_shows_everything_about_a_dead_letter_and_earlier_actions_on_it(
    dead: Transaction, settler: User, alice: User
) -> None:
    _run("replay", dead.id, "--actor", "settler", "--note", "The disk was full")
    dead_again = dead_make(alice, "bob", amount=1)
    dead.job.refresh_from_db()
    type(dead.job).objects.filter(transaction=dead).update(dead_at=dead_again.created_at)

    printed = _run("show", dead.id)

    for expected in ("alice USD to bob USD", "$10.00", "for the theatre", "CONTEXT: a guard"):
        assert expected in printed
    assert "replayed by settler, after 8 attempts: The disk was full" in printed


def test_a_dry_run_says_what_would_happen_and_changes_nothing(dead: Transaction, books: Books, settler: User) -> None:
    assert _run("dry-run", dead.id) == "It would be posted.\n"
    wallet_freeze(wallet_id=books.alice, actor=settler, reason="Stolen phone")
    assert _run("dry-run", dead.id) == "It would fail: The source wallet is frozen.\n"

    assert is_dead(dead)
    assert outcome_of(dead) == ("pending", "")
    assert Wallet.objects.get(id=books.bob).balance == 25_00


@pytest.mark.parametrize("action", ["show", "dry-run"])
def test_a_transfer_that_is_not_dead_is_an_error(books: Books, alice: User, action: str) -> None:
    pending = pending_make(alice, "bob")

    with pytest.raises(CommandError, match="This transfer is not") as failed:
        _run(action, pending.id)

    assert failed.value.returncode == 1


def test_a_replayed_transfer_is_posted_and_recorded(dead: Transaction, settler: User) -> None:
    printed = _run("replay", dead.id, "--actor", "Settler", "--note", "repaired")
    queue_drain()

    assert printed == f"{dead.id}: replayed.\n"
    assert outcome_of(dead) == ("posted", "")
    action = DeadLetterAction.objects.get()
    assert (action.action, action.actor, action.note, action.fault) == ("replayed", settler, "repaired", FAULT)


def test_all_dead_letters_can_be_replayed_at_once(dead: Transaction, alice: User, settler: User) -> None:
    other = dead_make(alice, "charlie")
    waiting = pending_make(alice, "bob")

    _run("replay", "--all", "--actor", "settler")

    assert not is_dead(dead)
    assert not is_dead(other)
    assert [action.transaction_id for action in DeadLetterAction.objects.all()] == [dead.id, other.id]
    assert outcome_of(waiting) == ("pending", "")


def test_replaying_all_is_no_error_if_there_are_none(books: Books, settler: User) -> None:
    assert _run("replay", "--all", "--actor", "settler") == ""


def test_a_transfer_that_is_not_dead_does_not_stop_the_others(dead: Transaction, alice: User, settler: User) -> None:
    pending = pending_make(alice, "bob")
    out = StringIO()

    with pytest.raises(CommandError, match=r"1 of 2 were left as they are") as failed:
        call_command("dead_letters", "replay", str(pending.id), str(dead.id), "--actor", "settler", stdout=out)

    assert failed.value.returncode == 1
    assert f"{pending.id}: left as it is." in out.getvalue()
    assert f"{dead.id}: replayed." in out.getvalue()
    assert [action.transaction_id for action in DeadLetterAction.objects.all()] == [dead.id]


def test_replaying_twice_replays_once(dead: Transaction, settler: User) -> None:
    _run("replay", dead.id, "--actor", "settler")
    with pytest.raises(CommandError):
        _run("replay", dead.id, "--actor", "settler")

    assert DeadLetterAction.objects.count() == 1


def test_a_failed_transfer_is_final_and_recorded(dead: Transaction, settler: User) -> None:
    assert _run("fail", dead.id, "--actor", "settler", "--note", "Paid by hand") == f"{dead.id}: failed.\n"

    assert outcome_of(dead) == ("failed", "settlement_failed")
    action = DeadLetterAction.objects.get()
    assert (action.action, action.actor, action.note) == ("failed", settler, "Paid by hand")


def test_an_empty_note_does_not_fail_a_transfer(dead: Transaction, settler: User) -> None:
    with pytest.raises(CommandError, match="Say why"):
        _run("fail", dead.id, "--actor", "settler", "--note", "  ")

    assert is_dead(dead)


@pytest.mark.parametrize("actor", ["nobody", "alice", "onlooker", "left"])
@pytest.mark.parametrize("words", [("replay",), ("fail", "--note", "Because")])
def test_only_active_staff_with_the_permission_may_settle(
    dead: Transaction,
    staff_create: Callable[..., User],  # noqa: F811 - the fixture
    actor: str,
    words: tuple[str, ...],
) -> None:
    staff_create("onlooker", "view_deadletter")
    left = staff_create("left", "settle_dead_letters")
    left.is_active = False
    left.save()

    with pytest.raises(CommandError, match=f"{actor} may not settle"):
        _run(*words, dead.id, "--actor", actor)

    assert is_dead(dead)
    assert not DeadLetterAction.objects.exists()


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["forget"],
        ["replay", "--actor", "settler"],
        ["replay", "5", "--all", "--actor", "settler"],
        ["replay", "5"],
        ["fail", "5", "--actor", "settler"],
        ["fail", "--actor", "settler", "--note", "x"],
        ["show", "x"],
        ["show", "-1"],
        ["show", "9" * 30],
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_exits_with_2(words: list[str]) -> None:
    run = subprocess.run(
        [sys.executable, "manage.py", "dead_letters", *words],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert run.returncode == 2, run.stderr
    assert "usage: manage.py dead_letters" in run.stderr
