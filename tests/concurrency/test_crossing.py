"""Crossed and ring-shaped transfers wait for each other without deadlocks."""

from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from django.db import connection

from tests.concurrency.crowd import at_once, codes
from tests.concurrency.processes import Worker
from tests.people import balance_of, funded, wallet_of_id
from transactions.ledger.commands import Command
from transactions.ledger.post import post
from transactions.models import Kind
from wallets.models import Wallet

TIMES = 12


def deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def transfer(source: Wallet, destination: Wallet, amount: int = 1) -> Command:
    return Command(
        kind=Kind.TRANSFER,
        amount=amount,
        source_id=source.id,
        destination_id=destination.id,
        initiator_id=source.owner_id or 0,
    )


def over_and_over(commands: Sequence[Command]) -> Callable[[], None]:
    """Posts the commands repeatedly. It calls `post`, because the services hide deadlocks by retrying."""

    def run() -> None:
        for _ in range(TIMES):
            assert all(outcome.transaction for outcome in post(commands))

    return run


@pytest.fixture
def people() -> list[Wallet]:
    return [funded(name, 1_000) for name in ("alice", "bob", "charlie")]


@pytest.mark.parametrize("shape", ["crossed", "ring"])
def test_crossed_and_ring_shaped_transfers_do_not_deadlock(people: list[Wallet], shape: str) -> None:
    before = deadlocks()
    alice, bob, charlie = people
    ways = {
        "crossed": [(alice, bob), (bob, alice)] * 4,
        "ring": [(alice, bob), (bob, charlie), (charlie, alice)] * 3,
    }[shape]
    answers = at_once([over_and_over([transfer(source, destination)]) for source, destination in ways])
    assert codes(answers) == {"done": len(ways)}
    assert [balance_of(wallet) for wallet in people] == [1_000] * 3
    assert sum(wallet_of_id(wallet.id).version for wallet in people) == 3 + 2 * len(ways) * TIMES
    assert deadlocks() == before


def test_lists_with_the_same_wallets_in_any_order_do_not_deadlock(people: list[Wallet]) -> None:
    before = deadlocks()
    alice, bob, charlie = people
    forth = [transfer(alice, bob), transfer(bob, charlie), transfer(charlie, alice)]
    back = [transfer(charlie, bob), transfer(bob, alice), transfer(alice, charlie)]
    answers = at_once([over_and_over(commands) for commands in (forth, back, forth[::-1], back[::-1])] * 2)
    assert codes(answers) == {"done": 8}
    assert [balance_of(wallet) for wallet in people] == [1_000] * 3
    assert deadlocks() == before


def test_crossed_and_ring_shaped_transfers_of_processes_do_not_deadlock(
    people: list[Wallet], processes: list[Worker]
) -> None:
    before = deadlocks()
    alice, bob, charlie = people
    ring = [(alice, bob), (bob, charlie), (charlie, alice)]
    orders = [ring, [pair[::-1] for pair in ring], [(alice, bob), (bob, alice)], [(charlie, bob), (bob, charlie)]]
    for process, order in zip(processes, orders, strict=True):
        ways = [
            {
                "kind": "transfer",
                "amount": 1,
                "source_id": source.id,
                "destination_id": destination.id,
                "initiator_id": source.owner_id,
            }
            for source, destination in order
        ]
        process.start("moves", ways=ways, times=TIMES)
    answers = sum((Counter(process.answer()) for process in processes), Counter[str]())
    assert answers == {"done": (3 + 3 + 2 + 2) * TIMES}
    assert [balance_of(wallet) for wallet in people] == [1_000] * 3
    assert deadlocks() == before
