"""The number of jobs that wait, per partition."""

from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.audit.books import books_write
from tests.database import acting_as_owner
from tests.dead_letter_desk.letters import dead_make, pending_make
from transactions.models import Job
from transactions.settlement.overview import queue_overview
from transactions.settlement.partitions import partition_of
from wallets.models import User, Wallet


def test_it_counts_waiting_and_held_back_jobs_and_dates_the_oldest(alice: User, bob: User, charlie: User) -> None:
    books_write(alice=alice, bob=bob, charlie=charlie)
    first = pending_make(alice, "bob")
    second = pending_make(alice, "charlie")
    Job.objects.filter(transaction=second).update(not_before=timezone.now() + timedelta(minutes=1), attempts=1)
    dead_make(alice, "bob")

    (figures,) = queue_overview()

    assert figures.partition == partition_of(Wallet.objects.get(owner=alice).id)
    assert (figures.waiting, figures.held_back, figures.oldest_at) == (2, 1, first.created_at)


def test_a_job_whose_back_off_is_over_is_not_held_back(alice: User, bob: User, charlie: User) -> None:
    books_write(alice=alice, bob=bob, charlie=charlie)
    again = pending_make(alice, "bob")
    Job.objects.filter(transaction=again).update(not_before=timezone.now() - timedelta(seconds=1), attempts=1)

    assert [figures.held_back for figures in queue_overview()] == [0]


def test_it_makes_one_query_for_any_number_of_partitions(alice: User, bob: User, charlie: User) -> None:
    books_write(alice=alice, bob=bob, charlie=charlie)
    pending = [pending_make(alice, "bob", amount=1) for _ in range(5)]
    for partition, transfer in enumerate(pending):
        with acting_as_owner():
            Job.objects.filter(transaction=transfer).update(partition=partition)

    with CaptureQueriesContext(connection) as queries:
        overview = queue_overview()

    assert len(queries) == 1
    assert [figures.partition for figures in overview] == [0, 1, 2, 3, 4]


def test_an_empty_job_table_has_no_figures(db: None) -> None:
    assert queue_overview() == []
