"""Functions that request, accept and settle transfers."""

from collections.abc import Sequence

from transactions.channels import channel
from transactions.ledger.commands import Command, Outcome
from transactions.models import Kind, Transaction
from transactions.settlement.accept import Request, transfers_accept
from transactions.settlement.partitions import PARTITIONS, partition_of
from transactions.settlement.settle import Settled, partition_settle
from wallets.models import Wallet

#: Long enough that settling reaches no time limit in a test.
DRAIN_LIMIT_S = 60.0


def transfer(
    source: Wallet, destination: Wallet, amount: int = 1, *, key: str | None = None, memo: str = ""
) -> Request:
    assert source.owner_id is not None
    command = Command(
        kind=Kind.TRANSFER,
        amount=amount,
        source_id=source.id,
        destination_id=destination.id,
        initiator_id=source.owner_id,
        idempotency_key=key,
        memo=memo,
    )
    return Request(command=command, source=source, destination=destination)


def accept(requests: Sequence[Request]) -> list[Transaction]:
    """Accepts transfers and notifies the channel, as `transfers_submit` does. Fails if one is refused."""
    accepted = [_accepted(outcome) for outcome in transfers_accept(requests)]
    channel().notify({transfer.source_id for transfer in accepted if transfer.source_id is not None})
    return accepted


def drain(wallet: Wallet) -> Settled:
    """Settles the partition of this source wallet."""
    return partition_settle(partition=partition_of(wallet.id), time_limit_s=DRAIN_LIMIT_S)


def drain_all() -> list[Settled]:
    return [partition_settle(partition=number, time_limit_s=DRAIN_LIMIT_S) for number in range(PARTITIONS)]


def neighbours(wallets: Sequence[Wallet], count: int) -> list[Wallet]:
    """`count` of these wallets that share a partition."""
    by_partition: dict[int, list[Wallet]] = {}
    for wallet in wallets:
        same = by_partition.setdefault(partition_of(wallet.id), [])
        same.append(wallet)
        if len(same) == count:
            return same
    raise AssertionError(f"No {count} of these {len(wallets)} wallets share a partition.")


def _accepted(outcome: Outcome) -> Transaction:
    assert outcome.error is None, outcome.error
    assert outcome.transaction is not None
    return outcome.transaction
