"""Event messages contain what docs/events.md documents, in the JSON of the REST contract."""

import json

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.events.outboxes import outbox_empty
from tests.people import crowd_wallets, funded
from tests.settlement.transfers import accept, drain, transfer
from transactions.contract import entry_data, transaction_data
from transactions.events.messages import HEADERS, event_message
from transactions.events.outbox import events_oldest
from transactions.ledger.post import post
from transactions.models import Entry
from transactions.selectors import transaction_find
from transactions.services import withdrawal_create
from wallets.models import Wallet


@pytest.fixture
def alice(events_on_until_undone: None) -> Wallet:
    wallet = funded("alice", 1_000)
    outbox_empty()
    return wallet


def test_a_posted_transfer_has_one_event_per_side_with_that_sides_entry(alice: Wallet) -> None:
    bob = funded("bob")
    moved = post([transfer(alice, bob, 250, memo="Käse \u2028 und \N{PILE OF POO}").command])[0].transaction
    assert moved is not None
    stored = transaction_find(transaction_id=moved.id)
    assert stored is not None

    first, second = events_oldest(10)
    told = [json.loads(event_message(event).value) for event in (first, second)]

    assert [event_message(event).key for event in (first, second)] == [str(w.id).encode() for w in (alice, bob)]
    assert first.position < second.position
    for event, wallet, amount, balance in ((told[0], alice, -250, 750), (told[1], bob, 250, 250)):
        entry = Entry.objects.select_related("transaction__source__owner", "transaction__destination__owner").get(
            wallet=wallet, transaction=moved
        )
        as_rest = entry_data(entry)
        transaction = as_rest.pop("transaction")
        assert event == {
            "schema": 1,
            "position": event["position"],
            "wallet": str(wallet.id),
            "transaction": transaction,
            "entry": as_rest,
        }
        assert transaction == transaction_data(stored)
        assert (event["entry"]["amount"], event["entry"]["balance_after"]) == (amount, balance)


def test_a_failed_transfer_has_one_event_for_its_source_without_an_entry(alice: Wallet) -> None:
    (accepted,) = accept([transfer(alice, funded("bob"), 5_000)])
    drain(alice)

    (event,) = events_oldest(10)
    told = json.loads(event_message(event).value)

    assert told["wallet"] == str(alice.id)
    assert told["entry"] is None
    assert told["transaction"]["status"] == "failed"
    stored = transaction_find(transaction_id=accepted.id)
    assert stored is not None
    assert told["transaction"] == transaction_data(stored)
    assert told["transaction"]["failure"]["code"] == "insufficient_funds"


def test_the_headers_name_the_content_type_and_the_schema_version() -> None:
    assert HEADERS == {"content-type": "application/json", "schema": "1"}


def test_the_outside_world_is_null_in_an_event(alice: Wallet) -> None:
    assert alice.owner
    withdrawal_create(actor=alice.owner, wallet_id=alice.id, amount=100)

    (told,) = [json.loads(event_message(event).value) for event in events_oldest(10)]

    stored = transaction_find(transaction_id=int(told["transaction"]["id"]))
    assert stored is not None
    assert told["transaction"] == transaction_data(stored)
    assert told["transaction"]["destination"] is None


def test_a_batch_of_any_length_is_read_with_one_query(
    events_on_until_undone: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    wallets = crowd_wallets(20, 100)
    post([transfer(wallets[0], other).command for other in wallets[1:]])

    with django_assert_num_queries(1):
        messages = [event_message(event) for event in events_oldest(1_000)]

    assert len(messages) == 20 + 2 * 19
