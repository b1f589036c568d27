"""What the client's methods return and raise, against a real server."""

from datetime import UTC, datetime, timedelta

import pytest
from wallet_client import Money, NewTransfer, Receipt, Side, WalletClient, WalletError

from tests.conformance.world import Person
from tests.rpc.server import GrpcServer
from transactions.settlement.partitions import partition_of
from transactions.settlement.settle import partition_settle


def usd(minor_units: int) -> Money:
    return Money(minor_units, "USD")


def drain(person: Person) -> None:
    partition_settle(partition=partition_of(person.wallet.pk), time_limit_s=60.0)


def test_money_moves_and_is_read(client: WalletClient, alice: Person, bob: Person) -> None:
    deposited = client.deposit(alice.wallet_id, usd(500), memo="Pay")
    sent = client.transfer(alice.wallet_id, usd(300), recipient=bob.name)
    taken = client.withdraw(alice.wallet_id, Money(200))

    (wallet,) = client.wallets()
    assert wallet == client.wallet(alice.wallet_id)
    assert (wallet.owner, wallet.status, wallet.balance, wallet.version) == (alice.name, "open", usd(1_000), 4)
    assert wallet.created_at.tzinfo == UTC
    assert (deposited.transaction.kind, deposited.transaction.source, deposited.transaction.memo) == (
        "deposit",
        None,
        "Pay",
    )
    assert sent.transaction.destination == Side(wallet_id=bob.wallet_id, owner=bob.name)
    assert client.transaction(taken.transaction.id) == taken.transaction


def test_iterating_over_a_history_yields_each_entry_once(client: WalletClient, alice: Person) -> None:
    for _ in range(104):
        alice.deposit(1)

    assert [entry.sequence for entry in client.entries(alice.wallet_id)] == list(range(105, 0, -1))
    assert [entry.amount for entry in client.entries(alice.wallet_id, direction="out")] == []
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert list(client.entries(alice.wallet_id, since=tomorrow)) == []
    page = client.entries_page(alice.wallet_id, limit=3, kind="deposit", until=tomorrow)
    assert ([entry.sequence for entry in page.entries], page.previous_cursor) == ([105, 104, 103], None)


def test_a_submitted_transfer_settles(client: WalletClient, alice: Person, bob: Person) -> None:
    receipt = client.submit_transfer(NewTransfer(source=alice.wallet_id, amount=usd(5), destination=bob.wallet_id))
    assert receipt.transaction.status == "pending"
    with pytest.raises(WalletError) as raised:
        client.wait_until_settled(receipt.transaction.id, timeout_s=0.1)
    assert raised.value.code == "deadline_exceeded"

    drain(alice)

    assert client.wait_until_settled(receipt.transaction.id).status == "posted"


def test_each_of_many_transfers_has_its_answer(client: WalletClient, alice: Person, bob: Person) -> None:
    wishes = [
        NewTransfer(source=alice.wallet_id, amount=usd(5), recipient=bob.name),
        NewTransfer(source=alice.wallet_id, amount=usd(0), recipient=bob.name),
        NewTransfer(source=alice.wallet_id, amount=usd(10**6), recipient=bob.name),
    ]
    posted, malformed, failed = client.submit_transfers(wishes)
    again = client.submit_transfers(wishes[:1])[0]
    drain(alice)

    assert isinstance(posted, Receipt)
    assert isinstance(again, Receipt)
    assert (again.replayed, again.transaction.id) == (True, posted.transaction.id)
    assert isinstance(malformed, WalletError)
    assert (malformed.code, list(malformed.fields)) == ("malformed", ["amount"])
    assert isinstance(failed, Receipt)
    assert client.transaction_by_key(wishes[2].idempotency_key).failure is not None


def test_a_refusal_has_a_code_fields_and_a_request_id(client: WalletClient, alice: Person) -> None:
    with pytest.raises(WalletError) as raised:
        client.deposit("mine", usd(0))

    error = raised.value
    assert (error.code, error.retryable) == ("malformed", False)
    assert error.fields.keys() == {"wallet_id", "amount"}
    assert error.request_id
    with pytest.raises(WalletError, match="insufficient_funds: The wallet holds"):
        client.withdraw(alice.wallet_id, usd(10**6))


def test_a_transfer_needs_exactly_one_of_recipient_and_destination(
    client: WalletClient, alice: Person, bob: Person
) -> None:
    for recipient, destination in ((None, None), (bob.name, bob.wallet_id)):
        with pytest.raises(WalletError) as raised:
            client.transfer(alice.wallet_id, usd(5), recipient=recipient, destination=destination)
        assert raised.value.code == "malformed"
        assert raised.value.fields.keys() == {"recipient", "destination"}
    assert bob.balance() == 0


def test_a_token_may_end_with_a_line_break(grpc_server: GrpcServer, alice: Person) -> None:
    with WalletClient(grpc_server.target, f"{alice.token}\n", tls=False) as client:
        assert client.wallets()


def test_an_invalid_token_is_refused(grpc_server: GrpcServer, alice: Person) -> None:
    with WalletClient(grpc_server.target, "made-up", tls=False) as stranger, pytest.raises(WalletError) as raised:
        stranger.wallets()

    assert raised.value.code == "not_authenticated"
