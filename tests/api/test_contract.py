"""The hand-written JSON, which is faster, equals the output of the serializers, from which the schema is made."""

import json

from tests.api.client import Person
from tests.pages.kit import settle
from transactions.api.serializers import EntrySerializer, TransactionSerializer
from transactions.contract import entry_data, transaction_data, transaction_from_json
from transactions.models import Entry, Transaction
from transactions.recipients import TransferRequest
from transactions.selectors import transaction_find
from transactions.services import transfer_create, transfer_submit, withdrawal_create
from wallets.api.serializers import WalletSerializer, wallet_view_data
from wallets.selectors import wallet_list, wallet_view_get
from wallets.services import wallet_freeze


def of_every_kind(alice: Person, bob: Person) -> None:
    """Deposits, withdrawals and transfers; posted, failed and pending; with and without a memo."""
    alice.deposit(5_000)
    withdrawal_create(actor=alice.user, wallet_id=alice.wallet.pk, amount=100, memo='Ünïcode, "quotes" \u2028')
    transfer_create(
        actor=alice.user, request=TransferRequest(source_id=alice.wallet.pk, recipient="bob", amount=200, memo="Lunch")
    )
    for amount in (999_999, 300):
        wanted = TransferRequest(source_id=alice.wallet.pk, recipient="bob", amount=amount, memo="")
        transfer_submit(actor=alice.user, request=wanted)
        if amount > 300:
            settle()


def test_hand_written_json_of_transactions_and_entries_equals_the_serializers(alice: Person, bob: Person) -> None:
    of_every_kind(alice, bob)
    transactions = [transaction_find(transaction_id=id_) for id_ in Transaction.objects.values_list("id", flat=True)]

    assert {found.status for found in transactions if found} == {"posted", "failed", "pending"}
    for found in transactions:
        assert found is not None
        assert transaction_data(found) == TransactionSerializer(found).data
    for entry in Entry.objects.filter(sequence__isnull=False):
        assert entry_data(entry) == EntrySerializer(entry).data


def test_a_dumped_transaction_loads_unchanged(alice: Person, bob: Person) -> None:
    of_every_kind(alice, bob)
    for stored in Transaction.objects.select_related("source__owner", "destination__owner"):
        owner_ids = [side.owner_id if side else None for side in (stored.source, stored.destination)]
        data = json.loads(json.dumps(transaction_data(stored)))

        read = transaction_from_json(data, owner_ids=owner_ids)

        assert transaction_data(read) == data
        assert (read.source_id, read.destination_id) == (stored.source_id, stored.destination_id)
        assert [side.owner_id if side else None for side in (read.source, read.destination)] == owner_ids
        assert read.created_at == stored.created_at
        # Fields that the JSON lacks are loaded from the database.
        assert read.idempotency_key == stored.idempotency_key


def test_hand_written_json_of_a_wallet_equals_the_serializers(alice: Person, bob: Person) -> None:
    alice.deposit(5_000)
    wallet_freeze(wallet_id=alice.wallet.pk, actor=bob.user, reason="A test")
    [wallet] = wallet_list(owner=alice.user)

    view = wallet_view_get(owner=alice.user, wallet_id=wallet.pk)

    assert wallet_view_data(view, owner_name=alice.user.username) == WalletSerializer(wallet).data
