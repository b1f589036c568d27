"""Concurrent requests cannot spend the same money twice."""

from collections import Counter

from tests.concurrency.crowd import at_once, codes
from tests.concurrency.processes import Worker
from tests.people import balance_of, funded, person, wallet_of, wallet_of_id
from transactions.models import Transaction
from transactions.recipients import TransferRequest
from transactions.services import Receipt, transfer_create, withdrawal_create


def test_only_one_of_many_withdrawals_of_the_whole_balance_succeeds() -> None:
    alice = funded("alice", 100)
    owner = alice.owner
    assert owner

    def take_all() -> Receipt:
        return withdrawal_create(actor=owner, wallet_id=alice.id, amount=100)

    assert codes(at_once([take_all] * 16)) == {"done": 1, "insufficient_funds": 15}
    assert balance_of(alice) == 0


def test_only_one_of_many_transfers_of_the_whole_balance_succeeds() -> None:
    alice = funded("alice", 100)
    owner = alice.owner
    assert owner
    friends = [wallet_of(person(f"friend-{number}")) for number in range(8)]

    def send_all_to(friend_id: int) -> Receipt:
        return transfer_create(
            actor=owner, request=TransferRequest(source_id=alice.id, destination_id=friend_id, amount=100)
        )

    answers = at_once([lambda to=friend.id: send_all_to(to) for friend in friends])  # type: ignore[misc]
    assert codes(answers) == {"done": 1, "insufficient_funds": 7}
    assert sorted(balance_of(friend) for friend in friends) == [0] * 7 + [100]


def test_processes_together_cannot_spend_more_than_the_balance(processes: list[Worker]) -> None:
    alice, bob = funded("alice", 100), wallet_of(person("bob"))
    out = {"kind": "withdrawal", "source_id": alice.id, "amount": 3, "initiator_id": alice.owner_id}
    away = {**out, "kind": "transfer", "destination_id": bob.id, "amount": 4}
    for process in processes:
        process.start("moves", ways=[out, away], times=15)
    answers = sum((Counter(process.answer()) for process in processes), Counter[str]())
    assert set(answers) == {"done", "insufficient_funds"}
    assert answers.total() == 4 * 2 * 15
    assert answers["done"] == Transaction.objects.count() - 1
    left = wallet_of_id(alice.id)
    assert 0 <= left.balance < 3
    assert left.version == answers["done"] + 1
