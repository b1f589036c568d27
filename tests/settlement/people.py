"""Users with money in their wallets, and functions that send, accept and settle transfers."""

from collections.abc import Sequence

from transactions.channels import channel
from transactions.ledger.commands import Command, Outcome
from transactions.ledger.post import post
from transactions.models import Kind, Transaction
from transactions.settlement.accept import Request, transfers_accept
from transactions.settlement.partitions import PARTITIONS, partition_of
from transactions.settlement.settle import Settled, partition_settle
from wallets.models import User, Wallet
from wallets.services import user_register, wallet_open

#: Long enough that settling reaches no time limit in a test.
DRAIN_LIMIT_S = 60.0


def person_wallet(name: str, balance: int = 0) -> Wallet:
    """The USD wallet of a new user, with this balance."""
    user = user_register(username=name, email=f"{name}@example.com", password="correct horse battery staple")
    return wallet_funded(Wallet.objects.select_related("owner").get(owner=user), balance)


def crowd_wallets(count: int, balance: int, *, prefix: str = "person") -> list[Wallet]:
    """The USD wallets of many new users, created with a few statements."""
    names = [f"{prefix}{number}" for number in range(count)]
    User.objects.bulk_create([User(username=name, email=f"{name}@example.com", password="!") for name in names])
    owners = {user.username: user for user in User.objects.filter(username__in=names)}
    # `wallet_open` for the first one, because it also opens the currency's outside wallet.
    first = wallet_open(owner=owners[names[0]], currency="USD")
    rest = Wallet.objects.bulk_create([Wallet(owner=owners[name], currency="USD") for name in names[1:]])
    wallets = [first, *rest]
    if balance:
        assert all(outcome.transaction for outcome in post([_deposit(wallet, balance) for wallet in wallets]))
    return wallets


def wallet_funded(wallet: Wallet, amount: int) -> Wallet:
    if amount:
        assert post([_deposit(wallet, amount)])[0].transaction
    return wallet


def balance_of(wallet: Wallet) -> int:
    return Wallet.objects.get(id=wallet.id).balance


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


def _deposit(wallet: Wallet, amount: int) -> Command:
    assert wallet.owner_id is not None
    return Command(kind=Kind.DEPOSIT, amount=amount, destination_id=wallet.id, initiator_id=wallet.owner_id)
