"""Every entry point that settles a transaction writes its events; refusals and rollbacks write none."""

from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import transaction

from tests.api.client import Api, person
from tests.dead_letter_desk.letters import dead_make
from tests.events.outboxes import assert_outbox_complete, outbox, outbox_empty
from tests.ledger.raw import books_open, run
from tests.people import funded
from tests.settlement.transfers import accept, drain, drain_all, transfer
from transactions.ledger.commands import Command
from transactions.ledger.post import post
from transactions.models import Kind, SettledEvent, Status, Transaction
from transactions.services import deposit_create, withdrawal_create
from transactions.settlement.dead_letters import dead_letter_fail, dead_letter_replay
from wallets.domain.errors import WalletError
from wallets.models import User, Wallet


@pytest.fixture
def alice(events_on_until_undone: None) -> Wallet:
    wallet = funded("alice", 1_000)
    outbox_empty()
    return wallet


@pytest.fixture
def bob(alice: Wallet) -> Wallet:
    return funded("bob")


def owner(wallet: Wallet) -> User:
    assert wallet.owner is not None
    return wallet.owner


def command(source: Wallet, destination: Wallet, amount: int = 1, key: str | None = None) -> Command:
    return transfer(source, destination, amount, key=key).command


def test_a_transfer_has_two_events_and_a_deposit_or_withdrawal_has_one(alice: Wallet, bob: Wallet) -> None:
    moved = post([command(alice, bob)])[0].transaction
    deposited = deposit_create(actor=owner(bob), wallet_id=bob.id, amount=5).transaction
    withdrawn = withdrawal_create(actor=owner(bob), wallet_id=bob.id, amount=5).transaction

    assert moved
    assert outbox() == [(moved.id, alice.id), (moved.id, bob.id), (deposited.id, bob.id), (withdrawn.id, bob.id)]


def test_a_v1_transfer_over_rest_has_its_events_once(alice: Wallet, bob: Wallet) -> None:
    body = {"source": str(alice.id), "recipient": "bob", "amount": 10}

    first = api(alice).post("/transfers", body, Idempotency_Key="lunch")
    again = api(alice).post("/transfers", body, Idempotency_Key="lunch")
    refused = api(alice).post("/transfers", {**body, "amount": 10_000})

    assert [response.status_code for response in (first, again, refused)] == [201, 201, 422]
    moved = Transaction.objects.get(kind=Kind.TRANSFER)
    assert outbox() == [(moved.id, alice.id), (moved.id, bob.id)]


def test_a_v2_transfer_over_rest_has_its_events_when_it_settles(alice: Wallet, bob: Wallet) -> None:
    items = [{"source": str(alice.id), "recipient": "bob", "amount": amount} for amount in (10, 10_000)]

    response = api(alice).post("/api/v2/transfers/bulk", {"transfers": items})

    assert response.status_code == 202
    assert outbox() == []
    drain(alice)
    posted, failed = Transaction.objects.filter(kind=Kind.TRANSFER).order_by("id")
    assert (posted.status, failed.status) == (Status.POSTED, Status.FAILED)
    assert sorted(outbox()) == sorted([(posted.id, alice.id), (posted.id, bob.id), (failed.id, alice.id)])


def test_a_transfer_that_is_settled_again_has_its_events_once(alice: Wallet, bob: Wallet) -> None:
    (accepted,) = accept([transfer(alice, bob)])
    settling = Command(
        kind=Kind.TRANSFER,
        amount=1,
        source_id=alice.id,
        destination_id=bob.id,
        initiator_id=owner(alice).id,
        accepted_id=accepted.id,
    )

    drain(alice)
    assert post([settling])[0].replayed

    assert_outbox_holds(accepted.id, alice, bob)


@pytest.mark.parametrize("decide", [dead_letter_fail, dead_letter_replay], ids=["fail", "replay"])
def test_a_dead_letter_that_staff_fail_or_replay_has_its_events(
    alice: Wallet, bob: Wallet, decide: Callable[..., bool]
) -> None:
    dead = dead_make(owner(alice), "bob", 10)
    assert outbox() == []

    decide(transaction_id=dead.id, actor=None, note="a broken guard")
    drain_all()

    if Transaction.objects.get(id=dead.id).status == Status.FAILED:
        assert outbox() == [(dead.id, alice.id)]
    else:
        assert_outbox_holds(dead.id, alice, bob)


def test_the_demo_has_its_events(events_on_until_undone: None) -> None:
    call_command("demo", stdout=StringIO())

    assert SettledEvent.objects.count() > 100
    assert_outbox_complete()


def test_a_list_with_refusals_and_replays_has_only_the_events_of_its_postings(alice: Wallet, bob: Wallet) -> None:
    commands = [command(alice, bob, 1 + n % 4, key=f"key-{n % 90}") for n in range(600)]

    outcomes = post([*commands, command(bob, alice, 99_999)])

    assert {(o.error is None, o.replayed) for o in outcomes} == {(True, False), (True, True), (False, False)}
    moved = [o.transaction.id for o in outcomes if o.transaction and not o.replayed]
    assert [id_ for id_, wallet_id in outbox() if wallet_id == alice.id] == moved
    assert [id_ for id_, wallet_id in outbox() if wallet_id == bob.id] == moved


def test_a_posting_in_psql_has_its_events(events_on_until_undone: None) -> None:
    books = books_open()
    outbox_empty()

    run(books.transfer_to_bob())

    assert outbox() == [(books.new, books.alice), (books.new, books.bob)]


def test_a_posting_that_is_rolled_back_has_no_event(alice: Wallet, bob: Wallet) -> None:
    with transaction.atomic():
        post([command(alice, bob)])
        assert len(outbox()) == 2
        transaction.set_rollback(True)

    assert outbox() == []


def test_a_refused_request_has_no_event(alice: Wallet, bob: Wallet) -> None:
    with pytest.raises(WalletError):
        withdrawal_create(actor=owner(bob), wallet_id=bob.id, amount=1)

    assert outbox() == []


def assert_outbox_holds(transaction_id: int, *wallets: Wallet) -> None:
    assert sorted(outbox()) == sorted((transaction_id, wallet.id) for wallet in wallets)


def api(wallet: Wallet) -> Api:
    return person(owner(wallet)).api
