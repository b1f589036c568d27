"""Any interleaving of accepting and settling has the same outcome as posting the transfers one by one."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.people import balance_of, crowd_wallets
from tests.settlement.books import assert_books_clean, assert_in_order
from tests.settlement.transfers import drain, transfer
from transactions.ledger.post import post
from transactions.models import Transaction
from transactions.settlement import settle
from transactions.settlement.accept import transfers_accept
from transactions.settlement.partitions import partition_of
from wallets.models import Wallet, WalletStatus

_PEOPLE = 4
_BALANCE = 50
_numbers = count()

Pair = tuple[int, int, int]
_person = st.integers(0, _PEOPLE - 1)
_pair = st.builds(
    lambda source, further, amount: (source, (source + further) % _PEOPLE, amount),
    _person,
    st.integers(1, _PEOPLE - 1),
    st.integers(1, 60),
)
_step = st.one_of(
    st.tuples(st.just("accept"), st.lists(_pair, min_size=1, max_size=8)),
    st.tuples(st.just("drain"), _person),
    st.tuples(st.just("send now"), _pair),
    st.tuples(st.just("freeze"), _person),
    st.tuples(st.just("reopen"), _person),
)


@dataclass
class Model:
    """A model of wallets as numbers and of jobs as lists."""

    partitions: list[int]
    balances: list[int] = field(default_factory=lambda: [_BALANCE] * _PEOPLE)
    frozen: set[int] = field(default_factory=set)
    queues: dict[int, list[tuple[int, Pair]]] = field(default_factory=lambda: defaultdict(list))
    outcomes: dict[int, tuple[str, str]] = field(default_factory=dict)

    def move(self, pair: Pair) -> tuple[str, str]:
        source, destination, amount = pair
        if source in self.frozen:
            return ("failed", "wallet_frozen")
        if self.balances[source] < amount:
            return ("failed", "insufficient_funds")
        if destination in self.frozen:
            return ("failed", "recipient_cannot_receive")
        self.balances[source] -= amount
        self.balances[destination] += amount
        return ("posted", "")

    def drain(self, partition: int) -> None:
        for transaction_id, pair in self.queues.pop(partition, []):
            self.outcomes[transaction_id] = self.move(pair)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=st.lists(_step, min_size=1, max_size=14), batch=st.sampled_from([1, 2, 3, 1_000]))
def test_any_interleaving_of_accepting_and_settling_equals_posting_one_by_one(
    db: None, steps: Sequence[tuple[str, object]], batch: int
) -> None:
    wallets = crowd_wallets(_PEOPLE, _BALANCE, prefix=f"run{next(_numbers)}-")
    model = Model(partitions=[partition_of(wallet.id) for wallet in wallets])
    accepted: list[Transaction] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settle, "BATCH", batch)
        for name, argument in steps:
            _step_take(name, argument, wallets, model, accepted)
        for person in range(_PEOPLE):
            _step_take("drain", person, wallets, model, accepted)

    stored = Transaction.objects.in_bulk([t.id for t in accepted])
    assert {id_: (t.status, t.failure_code) for id_, t in stored.items()} == model.outcomes
    assert [balance_of(wallet) for wallet in wallets] == model.balances
    assert sum(model.balances) == _BALANCE * _PEOPLE
    for wallet in wallets:
        assert_in_order(wallet, accepted)
    assert_books_clean()


def _step_take(name: str, argument: object, wallets: list[Wallet], model: Model, accepted: list[Transaction]) -> None:
    match name, argument:
        case "accept", list(pairs):
            _accept(pairs, wallets, model, accepted)
        case "drain", int(person):
            drain(wallets[person])
            model.drain(model.partitions[person])
        case "send now", (int(source), int(destination), int(amount)):
            (outcome,) = post([transfer(wallets[source], wallets[destination], amount).command])
            code = outcome.error.code if outcome.error else ""
            assert code == model.move((source, destination, amount))[1]
        case "freeze", int(person):
            Wallet.objects.filter(id=wallets[person].id).update(status=WalletStatus.FROZEN)
            model.frozen.add(person)
        case "reopen", int(person):
            Wallet.objects.filter(id=wallets[person].id).update(status=WalletStatus.OPEN)
            model.frozen.discard(person)


def _accept(pairs: Sequence[Pair], wallets: list[Wallet], model: Model, accepted: list[Transaction]) -> None:
    now = Wallet.objects.in_bulk([wallet.id for wallet in wallets])
    sides = [now[wallet.id] for wallet in wallets]
    outcomes = transfers_accept([transfer(sides[source], sides[to], amount) for source, to, amount in pairs])
    for pair, outcome in zip(pairs, outcomes, strict=True):
        # Accepting says nothing about the recipient's wallet.
        assert (outcome.error is not None) == (pair[0] in model.frozen)
        if outcome.transaction:
            accepted.append(outcome.transaction)
            model.queues[model.partitions[pair[0]]].append((outcome.transaction.id, pair))
