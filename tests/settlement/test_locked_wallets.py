"""Settling skips jobs of locked wallets and settles others meanwhile, but only a limited number of times."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connections

from tests.people import crowd_wallets
from tests.settlement.books import assert_in_order, assert_settled, status_counts
from tests.settlement.locks import backends, wallet_held
from tests.settlement.transfers import accept, drain, neighbours, transfer
from tests.settlement.waiting import wait_until
from transactions.models import Transaction
from transactions.settlement import settle
from wallets.models import Wallet

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _who_waits_waits_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settle, "_LOCK_TIMEOUT_MS", 60_000)


@pytest.fixture
def people() -> list[Wallet]:
    """Alice's and Bob's wallets, which share a partition, and two destinations."""
    wallets = crowd_wallets(33, 1_000)
    alice, bob = neighbours(wallets, 2)
    return [alice, bob, *[wallet for wallet in wallets if wallet not in (alice, bob)][:2]]


def test_while_a_wallet_is_locked_other_transfers_settle_and_its_senders_stay_in_order(
    people: list[Wallet],
) -> None:
    alice, bob, held, free = people
    behind = accept([transfer(alice, held), transfer(alice, free), transfer(alice, held)])
    meanwhile = accept([transfer(bob, free)] * 5)
    with settling_beside(held, alice):
        wait_until(lambda: posted(meanwhile) == 5, what="Bob's transfers are settled")
        # The second one needs no locked wallet, but may not overtake the first.
        assert posted(behind) == 0

    assert_in_order(alice, behind)
    assert_settled([*behind, *meanwhile], posted=8)


def test_settling_waits_for_a_job_that_it_skipped_three_times(
    people: list[Wallet], monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob, held, free = people
    monkeypatch.setattr(settle, "BATCH", 2)
    first = accept([transfer(alice, held)])
    later = accept([transfer(bob, free)] * 6)
    with settling_beside(held, alice):
        wait_until(lambda: bool(backends(application="wallet", waiting=True)), what="settling waits for the lock")
        assert posted(later) == 3

    assert_settled([*first, *later], posted=7)


def test_settling_waits_for_a_lock_if_it_has_no_other_jobs(people: list[Wallet]) -> None:
    alice, bob, held, _ = people
    accepted = accept([transfer(alice, held), transfer(bob, held)])
    with settling_beside(held, alice):
        wait_until(lambda: bool(backends(application="wallet", waiting=True)), what="settling waits for the lock")

    assert_settled(accepted, posted=2)


@contextmanager
def settling_beside(held: Wallet, source: Wallet) -> Iterator[None]:
    """Settles in a thread while a wallet is locked. At the end the lock is released, and the thread finishes."""

    def run() -> None:
        try:
            drain(source)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    with wallet_held(held):
        thread.start()
        yield
    thread.join(60)
    assert not thread.is_alive()


def posted(transfers: list[Transaction]) -> int:
    return status_counts(transfers).get("posted", 0)
