"""How people send money while Kafka is the channel, and how tests wait until it is settled."""

import time
from collections.abc import Sequence

from transactions.channels.kafka.consumer import TransferConsumer
from transactions.models import Transaction
from transactions.recipients import TransferRequest
from transactions.services import transfer_submit, transfers_submit
from wallets.domain.errors import WalletError
from wallets.models import Wallet

_TIMEOUT_S = 60.0


def submit(source: Wallet, destination: Wallet, amount: int = 1, *, key: str | None = None) -> Transaction:
    assert source.owner is not None
    return transfer_submit(actor=source.owner, request=request(source, destination, amount, key=key)).transaction


def submit_many(source: Wallet, destination: Wallet, count: int, amount: int = 1) -> list[Transaction]:
    """So many at once; all of them are accepted."""
    return submit_list(source, [(destination, amount)] * count)


def submit_list(source: Wallet, transfers: Sequence[tuple[Wallet, int]]) -> list[Transaction]:
    """One list of transfers from a wallet; all of them are accepted."""
    assert source.owner is not None
    requests = [request(source, destination, amount) for destination, amount in transfers]
    answers = transfers_submit(actor=source.owner, requests=requests)
    errors = [answer for answer in answers if isinstance(answer, WalletError)]
    assert not errors, errors[0]
    return [answer.transaction for answer in answers if not isinstance(answer, WalletError)]


def request(source: Wallet, destination: Wallet, amount: int = 1, *, key: str | None = None) -> TransferRequest:
    return TransferRequest(
        source_id=source.id, destination_id=destination.id, amount=amount, idempotency_key=key, memo=""
    )


def settle_until(consumer: TransferConsumer, accepted: Sequence[Transaction]) -> None:
    """Lets the consumer work until each of these is posted or failed."""
    deadline = time.monotonic() + _TIMEOUT_S
    while unsettled(accepted):
        assert time.monotonic() < deadline, f"{unsettled(accepted)} transfers did not settle in {_TIMEOUT_S} s."
        consumer.turn()


def unsettled(accepted: Sequence[Transaction]) -> int:
    ids = {transfer.id for transfer in accepted}
    return len(ids) - Transaction.objects.filter(id__in=ids).exclude(status="pending").count()
