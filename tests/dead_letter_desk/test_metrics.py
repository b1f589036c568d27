"""The counters of accepted, settled and dead transfers."""

from collections.abc import Callable

import pytest
from django.conf import settings
from prometheus_client import REGISTRY

from tests.audit.books import Books, books_write
from tests.dead_letter_desk.letters import dead_make, pending_make
from tests.people import person
from transactions.models import Job
from transactions.recipients import TransferRequest
from transactions.services import transfer_submit, transfers_submit
from transactions.settlement.dead_letters import dead_letter_fail, dead_letter_replay
from transactions.tasks import partition_drain_task
from wallets.models import User

#: The tests commit, because some counters are incremented in on_commit.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def books(alice: User, bob: User, charlie: User) -> Books:
    return books_write(alice=alice, bob=bob, charlie=charlie)


def _counted(name: str, **labels: str) -> Callable[[], float]:
    """Returns a function that returns how much the counter has grown since this call."""

    def value() -> float:
        return REGISTRY.get_sample_value(f"wallet_{name}_total", labels) or 0.0

    before = value()
    return lambda: value() - before


def test_accepted_transfers_are_counted_but_replays_and_refusals_are_not(books: Books, alice: User) -> None:
    accepted = _counted("transfers_accepted")
    request = TransferRequest(source_id=books.alice, recipient="bob", amount=1, idempotency_key="once")
    refused = TransferRequest(source_id=books.alice, recipient="nobody", amount=1)

    transfer_submit(actor=alice, request=request)
    transfers_submit(actor=alice, requests=[request, refused])

    assert accepted() == 1


def test_settled_transfers_are_counted_by_outcome(books: Books, alice: User) -> None:
    posted, failed = (_counted("transfers_settled", outcome=outcome) for outcome in ("posted", "failed"))
    pending_make(alice, "bob", amount=50_00)
    pending_make(alice, "bob", amount=10_00)
    pending_make(alice, "bob", amount=50_00)

    for partition in Job.objects.values_list("partition", flat=True).distinct():
        partition_drain_task(partition)

    assert (posted(), failed()) == (2, 1)


def test_faults_are_counted(books: Books, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError("a bug")

    faults = _counted("settlement_faults")
    pending_make(alice, "bob")
    monkeypatch.setattr("transactions.settlement.settle.post", broken)

    partition_drain_task(Job.objects.get().partition)

    assert faults() >= 1


def test_a_dead_letter_that_staff_replay_or_fail_twice_is_counted_once(books: Books, alice: User) -> None:
    replayed, failed = _counted("dead_letters_replayed"), _counted("transfers_settled", outcome="failed")
    letters = [dead_make(alice, "bob", amount=1) for _ in range(2)]
    staff = person("staff")

    for _ in range(2):
        dead_letter_replay(transaction_id=letters[0].id, actor=staff, note="")
        dead_letter_fail(transaction_id=letters[1].id, actor=staff, note="Paid by hand")

    assert (replayed(), failed()) == (1, 1)


def test_a_transfer_that_is_given_up_is_counted(books: Books, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(settings, "TRANSFER_ATTEMPTS_MAX", 1)
    given_up = _counted("dead_letters")
    pending_make(alice, "bob")
    monkeypatch.setattr("transactions.settlement.settle.post", broken)

    partition_drain_task(Job.objects.get().partition)

    assert given_up() == 1
    assert Job.objects.get().dead_at
