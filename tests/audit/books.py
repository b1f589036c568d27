"""Small books to audit, and a way to spoil them that the database would never allow."""

from dataclasses import dataclass

from django.db import connection

from transactions.models import Entry
from transactions.recipients import TransferRequest
from transactions.services import deposit_create, transfer_create, withdrawal_create
from wallets.models import User, Wallet


@dataclass(frozen=True, slots=True)
class Books:
    """Alice put 100.00 in, sent 25.00 to Bob and took 5.00 out; Charlie's wallet is empty."""

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
    """Runs SQL with every guard off: triggers and foreign keys, and the one constraint that is named `dropped`.

    All of it goes away with the test's transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        if dropped:
            cursor.execute("SELECT conrelid::regclass::text FROM pg_constraint WHERE conname = %s", [dropped])
            cursor.execute(f"ALTER TABLE {cursor.fetchone()[0]} DROP CONSTRAINT {dropped}")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql)
        assert cursor.rowcount > 0
        cursor.execute("SET LOCAL session_replication_role = origin")
