"""Small books to audit, and a way to corrupt them past the guards of the database."""

from dataclasses import dataclass

from django.db import connection

from tests.database import acting_as_superuser
from transactions.models import Entry
from transactions.recipients import TransferRequest
from transactions.services import deposit_create, transfer_create, withdrawal_create
from wallets.models import User, Wallet


@dataclass(frozen=True, slots=True)
class Books:
    """Ids in the books: Alice deposited 100.00, sent 25.00 to Bob and withdrew 5.00. Charlie's wallet is empty."""

    alice: int
    bob: int
    charlie: int
    deposit: int
    transfer: int
    withdrawal: int


def books_write(*, alice: User, bob: User, charlie: User) -> Books:
    ids = {user.username: Wallet.objects.get(owner=user).id for user in (alice, bob, charlie)}
    deposit = deposit_create(actor=alice, wallet_id=ids["alice"], amount=100_00)
    transfer = transfer_create(
        actor=alice, request=TransferRequest(source_id=ids["alice"], recipient="bob", amount=25_00)
    )
    withdrawal = withdrawal_create(actor=alice, wallet_id=ids["alice"], amount=5_00)
    assert Entry.objects.count() == 6
    return Books(
        **ids,
        deposit=deposit.transaction.id,
        transfer=transfer.transaction.id,
        withdrawal=withdrawal.transaction.id,
    )


def books_spoil(sql: str, *, dropped: str = "") -> None:
    """Runs SQL without triggers and foreign keys, and without the constraint that is named `dropped`.

    Rolling back the test's transaction undoes everything.
    """
    with acting_as_superuser(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        if dropped:
            cursor.execute("SELECT conrelid::regclass::text FROM pg_constraint WHERE conname = %s", [dropped])
            cursor.execute(f"ALTER TABLE {cursor.fetchone()[0]} DROP CONSTRAINT {dropped}")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql)
        assert cursor.rowcount > 0
        cursor.execute("SET LOCAL session_replication_role = origin")
