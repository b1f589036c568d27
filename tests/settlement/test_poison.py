"""A job that always meets a fault is isolated, retried with back-off and given up, while others settle."""

import pytest
from django.db import connection
from pytest_django import Settings

from tests.database import acting_as_owner
from tests.people import balance_of, crowd_wallets, funded
from tests.settlement.books import assert_books_clean, assert_in_order, assert_settled, outcomes
from tests.settlement.faults import hold_end, raise_for, settle_all
from tests.settlement.poison import wallet_heal, wallet_spoil
from tests.settlement.transfers import accept, drain, neighbours, transfer
from transactions.models import Job, Transaction
from transactions.settlement.partitions import partition_of
from transactions.settlement.settle import partition_settle

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("long_back_off")]


def test_a_poison_job_among_a_thousand_is_isolated_and_the_others_settle() -> None:
    alice, bob, charlie, dave = neighbours(crowd_wallets(49, 10_000), 4)
    mallory = funded("mallory", 10)
    accepted = accept([transfer(alice, dave)] * 300 + [transfer(bob, dave)] * 200)
    poison = accept([transfer(charlie, mallory)])
    accepted += accept([transfer(alice, dave)] * 250 + [transfer(bob, dave)] * 250)
    wallet_spoil(mallory)

    drained = drain(alice)

    assert drained.posted == 1_000
    assert drained.faults <= 15
    job = Job.objects.get()
    assert (job.transaction_id, job.attempts, job.dead_at) == (poison[0].id, 1, None)
    assert "do not continue its chain" in job.last_fault
    wallet_heal(mallory)
    settle_all(charlie)
    assert_settled(accepted + poison, posted=1_001)
    assert_in_order(alice, accepted)


def test_a_poison_job_is_retried_with_back_off_and_becomes_a_dead_letter(settings: Settings) -> None:
    settings.TRANSFER_ATTEMPTS_MAX = 3
    alice, bob, mallory = funded("alice", 100), funded("bob"), funded("mallory")
    (poison,) = accept([transfer(alice, mallory)])
    wallet_spoil(mallory)

    held_back = []
    while not Job.objects.get().dead_at:
        drain(alice)
        job = Job.objects.get()
        held_back.append((job.attempts, job.not_before is not None))
        hold_end()

    assert held_back == [(1, True), (2, True), (3, False)]
    assert Job.objects.get().attempts == 3
    assert Transaction.objects.get(id=poison.id).status == "pending"
    wallet_heal(mallory)
    assert_books_clean()
    assert balance_of(bob) == 0


def test_while_a_job_waits_for_its_retry_later_jobs_of_its_wallet_wait_and_others_settle() -> None:
    alice, bob, charlie = neighbours(crowd_wallets(33, 100), 3)
    mallory = funded("mallory")
    poison = accept([transfer(alice, mallory)])
    later = accept([transfer(alice, charlie), transfer(bob, charlie), transfer(alice, charlie)])
    wallet_spoil(mallory)
    drain(alice)

    drain(alice)

    assert [status for status, _ in outcomes(poison + later)] == ["pending", "pending", "posted", "pending"]
    wallet_heal(mallory)
    settle_all(alice)
    assert_settled(poison + later, posted=4)
    assert_in_order(alice, poison + later)


def test_after_a_job_is_given_up_later_jobs_of_its_wallet_settle(settings: Settings) -> None:
    settings.TRANSFER_ATTEMPTS_MAX = 1
    alice, bob, mallory = funded("alice", 100), funded("bob"), funded("mallory")
    accepted = accept([transfer(alice, mallory), transfer(alice, bob), transfer(alice, bob)])
    wallet_spoil(mallory)

    drain(alice)

    assert [status for status, _ in outcomes(accepted)] == ["pending", "posted", "posted"]
    assert Job.objects.get().dead_at is not None
    wallet_heal(mallory)
    assert_books_clean()


def test_a_job_that_raises_in_python_is_isolated_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob = funded("alice", 100), funded("bob")
    accepted = accept([transfer(alice, bob)] * 20)
    bad = accept([transfer(bob, alice)])
    raise_for(monkeypatch, bad, ZeroDivisionError("a bug"))

    drain(alice)
    drain(bob)

    job = Job.objects.get()
    assert (job.transaction_id, job.last_fault) == (bad[0].id, "ZeroDivisionError: a bug")
    monkeypatch.undo()
    settle_all(bob)
    assert_settled(accepted + bad, posted=21)


@pytest.mark.parametrize("text", ["a NUL \0 inside", "half a pair \ud800 inside", "long " * 1_000])
def test_a_fault_whose_text_postgres_cannot_store_is_still_recorded(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    alice, bob = funded("alice", 100), funded("bob")
    bad = accept([transfer(alice, bob)])
    raise_for(monkeypatch, bad, ValueError(text))

    drained = drain(alice)

    assert drained.faults == 1
    job = Job.objects.get()
    assert job.attempts == 1
    assert job.last_fault.startswith("ValueError: ")


def test_a_fault_at_the_commit_is_isolated_too(monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob, charlie = neighbours(crowd_wallets(33, 100), 3)
    good = accept([transfer(alice, charlie)] * 10)
    bad = accept([transfer(bob, charlie)])
    # A deferred constraint trigger raises at the commit.
    with acting_as_owner(), connection.cursor() as cursor:
        cursor.execute(
            f"""CREATE FUNCTION commit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN IF OLD.transaction_id = {bad[0].id} THEN RAISE EXCEPTION 'refused at the commit'; END IF;
            RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER commit_refuse AFTER DELETE ON transactions_job DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION commit_refuse()"""
        )
    try:
        drained = drain(alice)
    finally:
        with acting_as_owner(), connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION commit_refuse CASCADE")

    assert drained.posted == 10
    assert "refused at the commit" in Job.objects.get().last_fault
    settle_all(alice)
    assert_settled(good + bad, posted=11)


def test_settling_isolates_poison_even_after_its_time_limit() -> None:
    """Otherwise every look would start with the same full batch and never get past the poison job."""
    alice, bob = neighbours(crowd_wallets(17, 1_000), 2)
    mallory = funded("mallory")
    poison = accept([transfer(alice, mallory)])
    good = accept([transfer(bob, alice)] * 50)
    wallet_spoil(mallory)

    first = partition_settle(partition=partition_of(alice.id), time_limit_s=0.001)

    assert first.left
    assert Job.objects.get(transaction=poison[0].id).attempts == 1
    wallet_heal(mallory)
    settle_all(alice)
    assert_settled(poison + good, posted=51)
