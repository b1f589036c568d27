"""Posting a list of commands has the same effect as posting them one by one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.people import deposit, funded, person, status_set, wallet_of, wallet_of_id
from transactions.ledger.commands import Command, Outcome
from transactions.ledger.post import post
from transactions.models import Entry, Kind
from wallets.domain.money import AMOUNT_MAX, BALANCE_MAX
from wallets.models import Wallet, WalletStatus

pytestmark = pytest.mark.django_db

_NOBODYS_ID = 4_711_000


class Cast(NamedTuple):
    """Wallets to choose from: two ordinary ones, a nearly full, a frozen, a euro and a missing one."""

    alice: Wallet
    bob: Wallet
    full: Wallet
    frozen: Wallet
    euros: Wallet

    @property
    def ids(self) -> list[int]:
        return [*(wallet.id for wallet in self), _NOBODYS_ID]


@pytest.fixture
def cast(db: None) -> Cast:
    alice, bob = funded("alice", 100), funded("bob", 50)
    assert alice.owner is not None
    cast = Cast(
        alice=alice,
        bob=bob,
        full=funded("charlie", BALANCE_MAX - 20),
        frozen=funded("dora", 100),
        euros=wallet_of(alice.owner, "EUR"),
    )
    deposit(cast.euros, 30)
    status_set(cast.frozen, WalletStatus.FROZEN)
    return cast


sides = st.sampled_from([0, 0, 0, 1, 1, 1, 2, 3, 4, 5])
recipes = st.tuples(
    st.sampled_from(Kind),
    sides,
    sides,
    st.one_of(st.integers(1, 60), st.sampled_from([0, -5, 21, 150, AMOUNT_MAX, AMOUNT_MAX + 1])),
    st.sampled_from(["", "", "rent", "\0"]),
    st.sampled_from([None, None, "k1", "k2", "k3", "not a key"]),
    st.sampled_from([0, 0, 0, 1]),
)


def command_of(cast: Cast, recipe: tuple[Kind, int, int, int, str, str | None, int]) -> Command:
    kind, source, destination, amount, memo, key, initiator = recipe
    return Command(
        kind=kind,
        amount=amount,
        source_id=None if kind == Kind.DEPOSIT else cast.ids[source],
        destination_id=None if kind == Kind.WITHDRAWAL else cast.ids[destination],
        initiator_id=cast[initiator].owner_id or 0,
        memo=memo,
        idempotency_key=key,
    )


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


class Report(NamedTuple):
    """The result of a run, without ids and times, which differ from run to run."""

    answers: list[object]
    entries: list[tuple[int, int | None, int, int | None]]
    wallets: list[tuple[int, int]]


def report(cast: Cast, outcomes: list[Outcome]) -> Report:
    first_seen: dict[int, int] = {}
    answers: list[object] = []
    for number, outcome in enumerate(outcomes):
        if outcome.error:
            answers.append((outcome.error.code, outcome.error.detail, outcome.error.fields))
            continue
        assert outcome.transaction is not None
        first = first_seen.setdefault(outcome.transaction.id, number)
        answers.append((first, outcome.replayed, outcome.transaction.amount, outcome.transaction.kind))
    entries = Entry.objects.filter(wallet__in=cast).order_by("wallet", "sequence")
    return Report(
        answers=answers,
        entries=list(entries.values_list("wallet", "sequence", "amount", "balance_after")),
        wallets=[(now.balance, now.version) for now in (wallet_of_id(wallet.id) for wallet in cast)],
    )


# The fixture is created once. Each example is rolled back to it, so that examples do not affect each other.
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(recipes=st.lists(recipes, max_size=12))
def test_a_list_equals_its_commands_one_by_one(
    cast: Cast, recipes: list[tuple[Kind, int, int, int, str, str | None, int]]
) -> None:
    commands = [command_of(cast, recipe) for recipe in recipes]
    with undone():
        together = report(cast, post(commands))
    with undone():
        one_by_one = report(cast, [post([command])[0] for command in commands])
    assert together == one_by_one


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(recipes=st.lists(recipes, min_size=1, max_size=12), data=st.data())
def test_a_refused_command_does_not_affect_the_others(
    cast: Cast, recipes: list[tuple[Kind, int, int, int, str, str | None, int]], data: st.DataObject
) -> None:
    commands = [command_of(cast, recipe) for recipe in recipes]
    with undone():
        outcomes = post(commands)
        whole = report(cast, outcomes)
    carried_out = [command for command, outcome in zip(commands, outcomes, strict=True) if outcome.transaction]
    with undone():
        without = post(carried_out)
        alone = report(cast, without)
    assert all(outcome.transaction for outcome in without)
    assert (alone.entries, alone.wallets) == (whole.entries, whole.wallets)


def test_a_command_can_spend_what_an_earlier_one_in_the_list_brought_in() -> None:
    alice, bob = wallet_of(person("alice")), wallet_of(person("bob"))
    initiator = alice.owner_id or 0
    outcomes = post(
        [
            Command(kind=Kind.WITHDRAWAL, amount=1, source_id=alice.id, initiator_id=initiator),
            Command(kind=Kind.DEPOSIT, amount=5, destination_id=alice.id, initiator_id=initiator),
            Command(kind=Kind.TRANSFER, amount=5, source_id=alice.id, destination_id=bob.id, initiator_id=initiator),
            Command(kind=Kind.WITHDRAWAL, amount=1, source_id=alice.id, initiator_id=initiator),
        ]
    )
    codes = [outcome.error.code if outcome.error else None for outcome in outcomes]
    assert codes == ["insufficient_funds", None, None, "insufficient_funds"]
    assert (wallet_of_id(alice.id).balance, wallet_of_id(bob.id).balance) == (0, 5)


def test_there_is_one_outcome_per_command_in_order() -> None:
    alice = funded("alice", 100)
    amounts = [1, 0, 2, 1_000, 3]
    initiator = alice.owner_id or 0
    outcomes = post(
        [Command(kind=Kind.WITHDRAWAL, amount=amount, source_id=alice.id, initiator_id=initiator) for amount in amounts]
    )
    assert [outcome.transaction and outcome.transaction.amount for outcome in outcomes] == [1, None, 2, None, 3]
    assert [outcome.error and outcome.error.code for outcome in outcomes] == [
        None,
        "malformed",
        None,
        "insufficient_funds",
        None,
    ]
