"""Dead letters: staff see the fault, can make a dry run first, and each dead letter is acted on once."""

import pytest
from django.db import connection
from pytest_django import Settings

from tests.people import balance_of, funded
from tests.settlement.books import assert_in_order, assert_settled, outcomes
from tests.settlement.locks import wallet_held
from tests.settlement.poison import wallet_heal, wallet_spoil
from tests.settlement.threads import in_threads
from tests.settlement.transfers import accept, drain, transfer
from transactions.ledger.posting import Posting
from transactions.models import DeadLetterAction, Job, Status, Transaction
from transactions.settlement.dead_letters import (
    dead_letter_dry_run,
    dead_letter_fail,
    dead_letter_list,
    dead_letter_replay,
)
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User, Wallet
from wallets.services import wallet_freeze

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sides(transactional_db: None) -> tuple[Wallet, Wallet]:
    return funded("alice", 100), funded("bob")


@pytest.fixture
def staff(transactional_db: None) -> User:
    return User.objects.create_user("charlie", "charlie@example.com", is_staff=True)


@pytest.fixture
def dead(sides: tuple[Wallet, Wallet], settings: Settings) -> Transaction:
    """A dead letter: a transfer from Alice to Bob, whose wallet is damaged and not repaired yet."""
    settings.TRANSFER_ATTEMPTS_MAX = 1
    alice, bob = sides
    wallet_spoil(bob)
    (transaction,) = accept([transfer(alice, bob, 40)])
    drain(alice)
    assert Job.objects.get().dead_at
    return transaction


def everything() -> list[list[tuple[object, ...]]]:
    """All rows that a replay or a failure could change."""
    found = []
    with connection.cursor() as cursor:
        for table in ("wallets_wallet", "transactions_transaction", "transactions_entry", "transactions_job",
            "transactions_deadletteraction"):  # fmt: skip
            cursor.execute(f"SELECT * FROM {table} ORDER BY 1")
            found.append(cursor.fetchall())
    return found


def test_the_list_shows_dead_letters_and_their_faults(dead: Transaction) -> None:
    (job,) = dead_letter_list()
    assert job.transaction_id == dead.id
    assert job.attempts == 1
    assert "do not continue its chain" in job.last_fault
    assert job.dead_at is not None


def test_a_dry_run_says_what_would_happen_now_and_changes_nothing(
    dead: Transaction, sides: tuple[Wallet, Wallet]
) -> None:
    alice, bob = sides
    assert bob.owner
    before = everything()
    assert "would meet a fault again" in dead_letter_dry_run(transaction_id=dead.id)
    assert everything() == before

    wallet_heal(bob)
    before = everything()
    assert dead_letter_dry_run(transaction_id=dead.id) == "It would be posted."
    assert everything() == before

    wallet_freeze(wallet_id=alice.id, actor=bob.owner, reason="a stolen phone")
    before = everything()
    assert dead_letter_dry_run(transaction_id=dead.id) == "It would fail: The source wallet is frozen."
    assert everything() == before


def test_a_dry_run_reports_a_fault_in_python_too(dead: Transaction, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Posting, "apply", broken)
    assert dead_letter_dry_run(transaction_id=dead.id) == "It would meet a fault again: a bug"


def test_a_dry_run_of_a_transfer_that_is_not_dead_is_refused(sides: tuple[Wallet, Wallet]) -> None:
    (pending,) = accept([transfer(*sides)])
    with pytest.raises(WalletError) as refused:
        dead_letter_dry_run(transaction_id=pending.id)
    assert refused.value.code == ErrorCode.NOT_FOUND


def test_a_replay_posts_the_transfer_if_the_cause_is_gone(
    dead: Transaction, sides: tuple[Wallet, Wallet], staff: User
) -> None:
    alice, bob = sides
    wallet_heal(bob)

    assert dead_letter_replay(transaction_id=dead.id, actor=staff, note=" repaired ")

    job = Job.objects.get()
    assert (job.dead_at, job.not_before, job.attempts) == (None, None, 0)
    drain(alice)
    assert_settled([dead], posted=1)
    assert balance_of(bob) == 40
    action = DeadLetterAction.objects.get()
    assert (action.transaction_id, action.action, action.actor_id) == (dead.id, "replayed", staff.pk)
    assert (action.note, action.attempts) == ("repaired", 1)
    assert "do not continue its chain" in action.fault


def test_a_replay_that_meets_the_fault_again_can_be_replayed_again(
    dead: Transaction, sides: tuple[Wallet, Wallet], staff: User
) -> None:
    alice, bob = sides
    assert dead_letter_replay(transaction_id=dead.id, actor=staff, note="")
    drain(alice)
    assert Job.objects.get().dead_at

    wallet_heal(bob)
    assert dead_letter_replay(transaction_id=dead.id, actor=staff, note="")
    drain(alice)

    assert_settled([dead], posted=1)
    assert DeadLetterAction.objects.count() == 2


def test_a_replayed_transfer_settles_before_later_transfers_of_its_wallet(
    dead: Transaction, sides: tuple[Wallet, Wallet], staff: User
) -> None:
    alice, bob = sides
    wallet_heal(bob)
    later = accept([transfer(alice, bob)] * 3)

    dead_letter_replay(transaction_id=dead.id, actor=staff, note="")
    drain(alice)

    assert_in_order(alice, [dead, *later])
    assert_settled([dead, *later], posted=4)


def test_several_staff_who_replay_at_once_replay_once(
    dead: Transaction, sides: tuple[Wallet, Wallet], staff: User
) -> None:
    wallet_heal(sides[1])

    acted = in_threads(lambda: dead_letter_replay(transaction_id=dead.id, actor=staff, note=""), count=6)

    assert sorted(acted) == [False] * 5 + [True]
    assert DeadLetterAction.objects.count() == 1
    drain(sides[0])
    assert_settled([dead], posted=1)


def test_if_staff_replay_and_fail_at_once_only_one_action_succeeds(
    dead: Transaction, sides: tuple[Wallet, Wallet], staff: User
) -> None:
    wallet_heal(sides[1])
    acts = [
        lambda: dead_letter_replay(transaction_id=dead.id, actor=staff, note=""),
        lambda: dead_letter_fail(transaction_id=dead.id, actor=staff, note="given up"),
    ] * 2

    def act() -> bool:
        return acts.pop()()

    acted = in_threads(act, count=4)

    assert sorted(acted) == [False] * 3 + [True]
    action = DeadLetterAction.objects.get().action
    drain(sides[0])
    assert_settled([dead], posted=1 if action == "replayed" else 0)


def test_failing_settles_the_transfer_with_a_reason_and_a_note(
    dead: Transaction, sides: tuple[Wallet, Wallet], staff: User
) -> None:
    assert dead_letter_fail(transaction_id=dead.id, actor=staff, note="paid by hand")

    wallet_heal(sides[1])
    assert outcomes([dead]) == [("failed", "settlement_failed")]
    assert_settled([dead], posted=0)
    assert balance_of(sides[0]) == 100
    action = DeadLetterAction.objects.get()
    assert (action.action, action.note, action.actor_id) == ("failed", "paid by hand", staff.pk)
    assert not dead_letter_fail(transaction_id=dead.id, actor=staff, note="again")
    assert not dead_letter_replay(transaction_id=dead.id, actor=staff, note="again")


def test_failing_needs_a_note(dead: Transaction, staff: User) -> None:
    with pytest.raises(WalletError) as refused:
        dead_letter_fail(transaction_id=dead.id, actor=staff, note="  ")
    assert refused.value.code == ErrorCode.MALFORMED
    assert Transaction.objects.get(id=dead.id).status == Status.PENDING
    assert not DeadLetterAction.objects.exists()


def test_a_pending_transfer_that_is_not_dead_cannot_be_replayed_or_failed(
    sides: tuple[Wallet, Wallet], staff: User
) -> None:
    (pending,) = accept([transfer(*sides)])
    assert not dead_letter_replay(transaction_id=pending.id, actor=staff, note="")
    assert not dead_letter_fail(transaction_id=pending.id, actor=staff, note="impatient")
    drain(sides[0])
    assert_settled([pending], posted=1)


def test_a_dry_run_says_that_a_locked_wallet_is_busy(dead: Transaction, sides: tuple[Wallet, Wallet]) -> None:
    wallet_heal(sides[1])
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
    try:
        with wallet_held(sides[0]):
            assert "busy" in dead_letter_dry_run(transaction_id=dead.id)
    finally:
        connection.close()


def test_the_audit_trail_outlives_the_job(dead: Transaction, sides: tuple[Wallet, Wallet]) -> None:
    dead_letter_fail(transaction_id=dead.id, actor=None, note="from a shell")
    wallet_heal(sides[1])
    assert not Job.objects.exists()
    assert [(a.action, a.actor) for a in dead.dead_letter_actions.all()] == [("failed", None)]
