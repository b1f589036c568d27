"""What a consumer remembers of the retry topic: when to look where, and never more than it has room for."""

from datetime import timedelta

from django.utils import timezone

from transactions.channels.kafka.retries import Retries


def test_a_look_waits_for_its_time_and_comes_once() -> None:
    retries, now = Retries(), timezone.now()

    assert not retries.remember(1, None)
    assert not retries.remember(2, now - timedelta(seconds=1))
    assert retries.remember(3, now + timedelta(hours=1))
    assert retries.remember(4, now + timedelta(milliseconds=1))

    due: set[int] = set()
    while not due:
        due = retries.due()
    assert (due, retries.due()) == ({4}, set())


def test_the_earlier_of_two_times_counts() -> None:
    retries, now = Retries(), timezone.now()
    for later in (timedelta(hours=1), timedelta(milliseconds=1), timedelta(hours=2)):
        retries.remember(1, now + later)

    due: set[int] = set()
    while not due:
        due = retries.due()
    assert due == {1}


def test_many_that_are_due_at_once_come_a_thousand_at_a_time() -> None:
    retries, soon = Retries(), timezone.now() + timedelta(milliseconds=200)
    for source_id in range(2_500):
        retries.remember(source_id, soon)
    while timezone.now() < soon:
        pass

    assert [len(retries.due()) for _ in range(4)] == [1_000, 1_000, 500, 0]
