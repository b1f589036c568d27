"""Concurrent deposits into one wallet: none is lost, and the entries form one gapless chain."""

from collections import Counter

from tests.concurrency.crowd import at_once, codes
from tests.concurrency.processes import Worker
from tests.people import funded, person, wallet_of, wallet_of_id
from transactions.ledger.commands import Command
from transactions.ledger.post import post
from transactions.models import Entry, Kind


def test_concurrent_payments_into_one_wallet_form_one_chain(processes: list[Worker]) -> None:
    alice = wallet_of(person("alice"))
    payers = [funded(f"payer-{number}", 100) for number in range(6)]
    deposit = {"kind": "deposit", "amount": 2, "destination_id": alice.id, "initiator_id": alice.owner_id}
    for process in processes:
        process.start("moves", ways=[deposit], times=10)

    def pay(source_id: int, initiator_id: int) -> None:
        command = Command(
            kind=Kind.TRANSFER,
            amount=1,
            source_id=source_id,
            destination_id=alice.id,
            initiator_id=initiator_id,
        )
        assert all(outcome.transaction for _ in range(5) for outcome in post([command, command]))

    threads = at_once([lambda payer=payer: pay(payer.id, payer.owner_id or 0) for payer in payers])  # type: ignore[misc]
    answers = sum((Counter(process.answer()) for process in processes), Counter[str]())
    assert (answers, codes(threads)) == ({"done": 40}, {"done": 6})

    after = wallet_of_id(alice.id)
    assert (after.balance, after.version) == (40 * 2 + 6 * 10, 40 + 6 * 10)
    entries = Entry.objects.filter(wallet=alice).order_by("sequence")
    assert list(entries.values_list("sequence", flat=True)) == [*range(1, 101)]
    times = list(entries.values_list("created_at", flat=True))
    assert times == sorted(times)
