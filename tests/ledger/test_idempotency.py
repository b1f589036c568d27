"""Repeated requests with the same idempotency key move money once."""

from dataclasses import replace

import pytest

from tests.people import balance_of, funded, status_set, wallet_of
from transactions.ledger.commands import Command, Outcome
from transactions.ledger.post import post
from transactions.models import Kind, Transaction
from wallets.domain.errors import ErrorCode
from wallets.models import Wallet, WalletStatus

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(db: None) -> Wallet:
    return funded("alice", 1_000)


@pytest.fixture
def bob(db: None) -> Wallet:
    return funded("bob", 1_000)


@pytest.fixture
def request_(alice: Wallet, bob: Wallet) -> Command:
    return Command(
        kind=Kind.TRANSFER,
        amount=100,
        source_id=alice.id,
        destination_id=bob.id,
        initiator_id=alice.owner_id or 0,
        memo="rent",
        idempotency_key="key-1",
    )


def one(command: Command) -> Outcome:
    (outcome,) = post([command])
    return outcome


def assert_reused(outcome: Outcome, *fields: str) -> None:
    assert outcome.transaction is None
    assert outcome.error is not None
    assert outcome.error.code == ErrorCode.IDEMPOTENCY_KEY_REUSED
    assert set(outcome.error.fields) == set(fields)
    assert all(field in outcome.error.detail for field in fields)


def test_a_repeated_request_gets_the_first_answer_and_moves_nothing(request_: Command, alice: Wallet) -> None:
    first, second = one(request_), one(request_)
    assert first.transaction is not None
    assert second.transaction is not None
    assert (first.replayed, second.replayed) == (False, True)
    assert second.transaction.id == first.transaction.id
    assert second.transaction.settled_at == first.transaction.settled_at
    assert balance_of(alice) == 900


def test_a_repeated_request_in_the_same_list_moves_money_once(request_: Command, alice: Wallet) -> None:
    outcomes = post([request_, request_, request_])
    assert [outcome.replayed for outcome in outcomes] == [False, True, True]
    assert len({outcome.transaction.id for outcome in outcomes if outcome.transaction}) == 1
    assert balance_of(alice) == 900


@pytest.mark.parametrize("in_one_list", [False, True])
@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("amount", {"amount": 101}),
        ("memo", {"memo": "Rent"}),
        ("memo", {"memo": ""}),
    ],
)
def test_a_different_request_with_the_same_key_is_refused_and_names_the_difference(
    request_: Command, alice: Wallet, field: str, changes: dict[str, object], in_one_list: bool
) -> None:
    other = replace(request_, **changes)  # type: ignore[arg-type]
    outcomes = post([request_, other]) if in_one_list else [one(request_), one(other)]
    assert outcomes[0].transaction is not None
    assert_reused(outcomes[1], field)
    assert balance_of(alice) == 900


def test_another_wallet_with_the_same_key_is_refused(request_: Command, alice: Wallet) -> None:
    charlie = funded("charlie", 1_000)
    assert one(request_).transaction
    assert_reused(one(replace(request_, destination_id=charlie.id)), "destination")
    assert_reused(one(replace(request_, source_id=charlie.id)), "source")
    assert balance_of(charlie) == 1_000
    assert balance_of(alice) == 900


def test_another_kind_with_the_same_key_is_refused(request_: Command) -> None:
    assert one(request_).transaction
    assert_reused(one(replace(request_, kind=Kind.WITHDRAWAL, destination_id=None)), "kind", "destination")
    assert_reused(one(replace(request_, kind=Kind.DEPOSIT, source_id=None)), "kind", "source")


def test_all_differing_fields_are_named(request_: Command, bob: Wallet) -> None:
    charlie = funded("charlie", 1_000)
    assert one(request_).transaction
    other = replace(request_, source_id=bob.id, destination_id=charlie.id, amount=1, memo="")
    assert_reused(one(other), "source", "destination", "amount", "memo")


def test_a_repeated_request_that_would_be_refused_now_gets_its_first_answer(request_: Command, alice: Wallet) -> None:
    first = one(request_)
    status_set(alice, WalletStatus.FROZEN)
    second = one(request_)
    assert first.transaction is not None
    assert second.transaction is not None
    assert (second.transaction.id, second.replayed) == (first.transaction.id, True)


def test_a_refused_request_leaves_the_key_free(request_: Command, alice: Wallet) -> None:
    too_much = replace(request_, amount=1_001)
    outcomes = post([too_much, request_])
    assert outcomes[0].error is not None
    assert outcomes[1].transaction is not None
    assert not outcomes[1].replayed
    assert balance_of(alice) == 900


def test_a_refused_request_can_be_repeated_and_succeed_later(request_: Command, alice: Wallet, bob: Wallet) -> None:
    too_much = replace(request_, amount=1_500)
    assert one(too_much).error is not None
    assert one(
        replace(request_, source_id=bob.id, destination_id=alice.id, amount=500, idempotency_key=None)
    ).transaction
    later = one(too_much)
    assert later.transaction is not None
    assert not later.replayed
    assert balance_of(alice) == 0


def test_a_malformed_request_with_a_used_key_is_malformed(request_: Command) -> None:
    assert one(request_).transaction
    refused = one(replace(request_, amount=0))
    assert refused.error is not None
    assert refused.error.code == ErrorCode.MALFORMED


def test_equal_keys_of_two_users_are_different_keys(request_: Command, alice: Wallet, bob: Wallet) -> None:
    theirs = replace(request_, initiator_id=bob.owner_id or 0, source_id=bob.id, destination_id=alice.id)
    mine, other = post([request_, theirs])
    assert mine.transaction is not None
    assert other.transaction is not None
    assert mine.transaction.id != other.transaction.id
    assert (balance_of(alice), balance_of(bob)) == (1_000, 1_000)


def test_keys_that_differ_in_case_are_different(request_: Command, alice: Wallet) -> None:
    post([request_, replace(request_, idempotency_key="KEY-1")])
    assert balance_of(alice) == 800


def test_equal_requests_without_a_key_all_move_money(request_: Command, alice: Wallet) -> None:
    bare = replace(request_, idempotency_key=None)
    outcomes = post([bare, bare])
    assert not any(outcome.replayed for outcome in outcomes)
    assert balance_of(alice) == 800


@pytest.mark.parametrize("key", ["!", "~" * 255, '"quoted"', "a'b;--", "%s", "{}"])
def test_any_visible_ascii_is_a_key(request_: Command, key: str) -> None:
    first, second = (one(replace(request_, idempotency_key=key)) for _ in range(2))
    assert first.transaction is not None
    assert first.transaction.idempotency_key == key
    assert second.replayed


def test_a_key_is_used_once_for_all_of_a_users_wallets(request_: Command, alice: Wallet) -> None:
    assert alice.owner is not None
    euros = wallet_of(alice.owner, "EUR")
    assert one(request_).transaction
    deposit = Command(
        kind=Kind.DEPOSIT,
        amount=100,
        destination_id=euros.id,
        initiator_id=alice.owner.pk,
        memo="rent",
        idempotency_key="key-1",
    )
    assert_reused(one(deposit), "kind", "source", "destination")
    assert Transaction.objects.filter(idempotency_key="key-1").count() == 1
