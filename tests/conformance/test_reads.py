"""REST and gRPC give the same answers about the same books."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from tests.api.client import Api, json_of
from tests.conformance.channels import transaction_data
from tests.conformance.world import Person, World, world_make
from tests.rpc.caller import Caller
from transactions.models import Entry
from transactions.recipients import TransferRequest
from transactions.services import transfer_create, transfer_submit, withdrawal_create
from transactions.settlement.partitions import partition_of
from transactions.settlement.settle import partition_settle
from wallet_proto.v1 import wallet_pb2 as pb


@pytest.fixture
def world(transactional_db: None) -> World:
    """Alice has a deposit, transfers to Bob, a withdrawal and a transfer that failed for lack of funds."""
    world = world_make(0)
    alice, bob = world.alice, world.bob
    for number in range(3):
        transfer_create(
            actor=alice.user, request=TransferRequest(source_id=alice.wallet.pk, recipient=bob.name, amount=10 + number)
        )
    withdrawal_create(actor=alice.user, wallet_id=alice.wallet.pk, amount=100, memo="Cash")
    request = TransferRequest(source_id=alice.wallet.pk, recipient=bob.name, amount=10**9, idempotency_key="dream")
    transfer_submit(actor=alice.user, request=request)
    partition_settle(partition=partition_of(alice.wallet.pk), time_limit_s=60.0)
    alice.open("JPY")
    return world


def rest(person: Person, path: str, **query: object) -> Any:
    return json_of(Api(token=person.token).get(path, query))


def wallet_data(message: pb.Wallet) -> dict[str, Any]:
    return {
        "id": message.id,
        "owner": message.owner,
        "currency": message.balance.currency,
        "status": pb.WalletStatus.Name(message.status).removeprefix("WALLET_STATUS_").lower(),
        "balance": message.balance.minor_units,
        "version": message.version,
        "created_at": message.created_at.ToJsonString(),
    }


def entry_data(message: pb.Entry) -> dict[str, Any]:
    assert message.amount.currency == message.balance_after.currency == message.transaction.amount.currency
    return {
        "sequence": message.sequence,
        "amount": message.amount.minor_units,
        "balance_after": message.balance_after.minor_units,
        "created_at": message.created_at.ToJsonString(),
        "transaction": transaction_data(message.transaction),
    }


def test_a_wallet_and_the_list_of_wallets_are_the_same(world: World, channel: grpc.Channel) -> None:
    calls = Caller(channel, world.alice.token)

    wallet = calls.call("GetWallet", pb.GetWalletRequest(wallet_id=world.alice.wallet_id)).wallet
    wallets = calls.call("ListWallets", pb.ListWalletsRequest()).wallets

    assert wallet_data(wallet) == rest(world.alice, f"/wallets/{world.alice.wallet_id}")
    assert [wallet_data(wallet) for wallet in wallets] == rest(world.alice, "/wallets")["results"]


def test_a_transaction_is_the_same_for_both_sides(world: World, channel: grpc.Channel) -> None:
    sent = Entry.objects.filter(wallet=world.bob.wallet).first()
    assert sent is not None
    for person in (world.alice, world.bob):
        request = pb.GetTransactionRequest(transaction_id=str(sent.transaction_id))
        found = Caller(channel, person.token).call("GetTransaction", request)

        assert transaction_data(found.transaction) == rest(person, f"/transactions/{sent.transaction_id}")


def test_a_failed_transfer_is_found_by_its_key(world: World, channel: grpc.Channel) -> None:
    request = pb.GetTransactionRequest(idempotency_key="dream")
    found = transaction_data(Caller(channel, world.alice.token).call("GetTransaction", request).transaction)

    assert rest(world.alice, "/transactions", idempotency_key="dream")["results"] == [found]
    assert found["failure"]["code"] == "insufficient_funds"
    assert Caller(channel, world.bob.token).refused("GetTransaction", request).code == "not_found"


def test_the_pages_of_a_history_are_the_same(world: World, channel: grpc.Channel) -> None:
    calls, path = Caller(channel, world.alice.token), f"/wallets/{world.alice.wallet_id}/transactions"
    request, query = pb.ListEntriesRequest(wallet_id=world.alice.wallet_id, limit=2), {"limit": "2"}
    sequences = []
    while True:
        page, expected = calls.call("ListEntries", request), rest(world.alice, path, **query)

        assert [entry_data(entry) for entry in page.entries] == expected["results"]
        assert page.next_cursor == _cursor(expected["next"])
        assert page.previous_cursor == _cursor(expected["previous"])
        sequences += [entry.sequence for entry in page.entries]
        if not page.next_cursor:
            break
        request.cursor, query["cursor"] = page.next_cursor, page.next_cursor
    assert sequences == [5, 4, 3, 2, 1]

    # The other cursor leads back.
    request.cursor = page.previous_cursor
    assert [entry.sequence for entry in calls.call("ListEntries", request).entries] == [3, 2]


def test_the_filters_of_a_history_are_the_same(world: World, channel: grpc.Channel) -> None:
    calls, path = Caller(channel, world.alice.token), f"/wallets/{world.alice.wallet_id}/transactions"
    third = Entry.objects.get(wallet=world.alice.wallet, sequence=3).created_at
    moment = Timestamp()
    moment.FromDatetime(third)
    filters: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"kind": pb.TRANSACTION_KIND_TRANSFER}, {"kind": "transfer"}),
        ({"direction": pb.DIRECTION_IN}, {"direction": "in"}),
        ({"direction": pb.DIRECTION_OUT, "kind": pb.TRANSACTION_KIND_WITHDRAWAL},
         {"direction": "out", "kind": "withdrawal"}),
        ({"since": moment}, {"since": third.isoformat()}),
        ({"until": moment}, {"until": third.isoformat()}),
        ({"since": Timestamp(seconds=int((third + timedelta(days=1)).timestamp()))},
         {"since": (third + timedelta(days=1)).isoformat()}),
    ]  # fmt: skip
    for asked, query in filters:
        page = calls.call("ListEntries", pb.ListEntriesRequest(wallet_id=world.alice.wallet_id, **asked))
        expected = rest(world.alice, path, **query)

        assert [entry_data(entry) for entry in page.entries] == expected["results"], query


def test_another_users_wallet_and_malformed_queries_are_refused_alike(world: World, channel: grpc.Channel) -> None:
    calls = Caller(channel, world.alice.token)
    theirs = world.bob.wallet_id
    mine = world.alice.wallet_id

    assert calls.refused("GetWallet", pb.GetWalletRequest(wallet_id=theirs)).code == "not_found"
    assert calls.refused("ListEntries", pb.ListEntriesRequest(wallet_id=theirs)).code == "not_found"
    assert rest(world.alice, f"/wallets/{theirs}")["code"] == "not_found"
    for asked, query in [
        ({"limit": 101}, {"limit": "101"}),
        ({"cursor": "made up"}, {"cursor": "made up"}),
        ({"cursor": "c" * 101}, {"cursor": "c" * 101}),
    ]:
        refusal = calls.refused("ListEntries", pb.ListEntriesRequest(wallet_id=mine, **asked))  # type: ignore[arg-type]
        problem = rest(world.alice, f"/wallets/{mine}/transactions", **query)

        assert (refusal.code, refusal.message, refusal.fields) == (
            problem["code"],
            problem["detail"],
            problem["errors"],
        ), query


def _cursor(path: str | None) -> str:
    return dict(parse_qsl(urlsplit(path).query))["cursor"] if path else ""
