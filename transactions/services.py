"""Deposits, withdrawals and transfers: each service resolves the wallets, then the ledger decides."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from django.db import IntegrityError, OperationalError, transaction
from psycopg.errors import DeadlockDetected, SerializationFailure

from kit.db.errors import constraint_violated
from telemetry import metrics
from transactions.channels import channel
from transactions.funding.mode import Funding, funding_require
from transactions.ledger.commands import Command, Outcome
from transactions.ledger.post import post, requests_find
from transactions.ledger.rules import command_error
from transactions.models import Kind, Status, Transaction
from transactions.recipients import TransferRequest, TransferSides, transfer_resolve, transfers_resolve
from transactions.settlement.accept import Request, transfers_accept
from wallets.domain.errors import CATALOGUE, ErrorCode, WalletError
from wallets.domain.ids import ClockError
from wallets.domain.mandates import OWNER, Mandate
from wallets.models import User, Wallet
from wallets.node_leases import LeaseError
from wallets.selectors import wallet_get
from wallets.tokens.ceilings import ceilings_lock

#: How often a service tries one request before it answers UNAVAILABLE.
_TRIES = 3
_PAUSE_S = 0.02
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A transaction with its wallets and their owners loaded. `replayed`: an earlier call with the same idempotency
    key created it."""

    transaction: Transaction
    replayed: bool


def deposit_create(
    *, actor: User, wallet_id: int, amount: int, memo: str = "", idempotency_key: str | None = None
) -> Receipt:
    """Moves `amount` minor units from the outside world into the actor's wallet. Raises WalletError, and FUNDING_CLOSED
    wherever money is more than a demo: owners do not make their own."""
    funding_require(Funding.DEMO)
    wallet = wallet_get(owner=actor, wallet_id=wallet_id)
    command = Command(
        kind=Kind.DEPOSIT,
        amount=amount,
        destination_id=wallet.id,
        initiator_id=actor.pk,
        memo=memo,
        idempotency_key=idempotency_key,
    )
    return _receipt(command, source=None, destination=wallet)


def withdrawal_create(
    *,
    actor: User,
    wallet_id: int,
    amount: int,
    memo: str = "",
    idempotency_key: str | None = None,
    mandate: Mandate = OWNER,
) -> Receipt:
    """Moves `amount` minor units from the actor's wallet to the outside world. Raises WalletError."""
    wallet = wallet_get(owner=actor, wallet_id=wallet_id)
    command = Command(
        kind=Kind.WITHDRAWAL,
        amount=amount,
        source_id=wallet.id,
        initiator_id=actor.pk,
        memo=memo,
        idempotency_key=idempotency_key,
    )
    return _receipt(command, source=wallet, destination=None, mandate=mandate)


def transfer_create(*, actor: User, request: TransferRequest, mandate: Mandate = OWNER) -> Receipt:
    """Posts a transfer from the actor's wallet to a wallet, or to the recipient's wallet of the same currency.
    Raises WalletError."""
    sides = transfer_resolve(actor=actor, request=request)
    command = _command(actor, request, sides)
    return _receipt(command, source=sides.source, destination=sides.destination, mandate=mandate)


def transfer_submit(*, actor: User, request: TransferRequest, mandate: Mandate = OWNER) -> Receipt:
    """Accepts one transfer, which settles later; see `transfers_submit`. Raises WalletError."""
    answer = transfers_submit(actor=actor, requests=[request], mandate=mandate)[0]
    if isinstance(answer, WalletError):
        raise answer
    return answer


def transfers_submit(
    *, actor: User, requests: Sequence[TransferRequest], mandate: Mandate = OWNER
) -> list[Receipt | WalletError]:
    """Accepts transfers, which settle later. Returns one answer per request, in order; a refused request does not
    affect the others. They count against a token's ceilings one after another, now: one that fails later stays counted.

    A receipt's transaction is pending; for a replay it is the stored transaction with its current status. Once this
    function has returned, every accepted transfer ends as posted or failed, even if processes crash.

    Raises WalletError UNAVAILABLE or IDEMPOTENCY_IN_PROGRESS; then nothing was accepted.
    """
    resolved = transfers_resolve(actor=actor, requests=requests)
    wanted = [
        Request(
            command=_command(actor, request, sides),
            source=sides.source,
            destination=sides.destination,
            spending=sides.spending,
        )
        for request, sides in zip(requests, resolved, strict=True)
        if isinstance(sides, TransferSides)
    ]
    accepted = _try_again(partial(transfers_accept, wanted, mandate=mandate)) if wanted else []
    new = [outcome.transaction for outcome in accepted if outcome.transaction and not outcome.replayed]
    metrics.transfers_accepted.inc(len(new))
    # The transfers are committed, so they settle even if this notification is lost.
    channel().notify({transfer.source_id for transfer in new if transfer.source_id is not None})
    outcomes = iter(accepted)
    return [sides if isinstance(sides, WalletError) else _answer(next(outcomes), sides) for sides in resolved]


def _command(actor: User, request: TransferRequest, sides: TransferSides) -> Command:
    return Command(
        kind=Kind.TRANSFER,
        amount=request.amount,
        source_id=sides.source.id,
        destination_id=sides.destination.id,
        initiator_id=actor.pk,
        memo=request.memo,
        idempotency_key=request.idempotency_key,
        by_email=request.by_email,
    )


def _answer(outcome: Outcome, sides: TransferSides) -> Receipt | WalletError:
    if outcome.error:
        return outcome.error
    assert outcome.transaction is not None  # noqa: S101 - the channel answers with an error or a transaction
    outcome.transaction.source, outcome.transaction.destination = sides.source, sides.destination
    return Receipt(transaction=outcome.transaction, replayed=outcome.replayed)


def _receipt(
    command: Command, *, source: Wallet | None, destination: Wallet | None, mandate: Mandate = OWNER
) -> Receipt:
    outcome = _try_again(partial(_post, command, source=source, mandate=mandate))
    if outcome.error:
        metrics.transactions_refused.labels(kind=command.kind, code=outcome.error.code).inc()
        raise outcome.error
    if not outcome.replayed:
        metrics.transactions_posted.labels(kind=command.kind).inc()
    assert outcome.transaction is not None  # noqa: S101 - the ledger answers with an error or a transaction
    _refuse_unposted(outcome.transaction)
    outcome.transaction.source = source
    outcome.transaction.destination = destination
    return Receipt(transaction=outcome.transaction, replayed=outcome.replayed)


def _post(command: Command, *, source: Wallet | None, mandate: Mandate) -> Outcome:
    """Posts the command, and counts what leaves the source against the ceilings of the mandate's token, if it has
    any."""
    if source is None or mandate.ceilings_of is None:
        return post([command])[0]
    with transaction.atomic():
        ceilings = ceilings_lock(mandate=mandate)
        assert ceilings is not None  # noqa: S101 - the mandate has ceilings
        refusal = command_error(command) or ceilings.error(currency=source.currency, amount=command.amount)
        # A replay is answered, however much the token has spent since.
        if refusal and not requests_find([command]):
            return Outcome(error=refusal)
        outcome = post([command])[0]
        if outcome.transaction and not outcome.replayed:
            ceilings.take(currency=source.currency, amount=command.amount)
            ceilings.write()
        return outcome


def _refuse_unposted(transaction: Transaction) -> None:
    """Refuses the replay of an asynchronous transfer that is pending or has failed: a synchronous request answers
    only with a posted transaction."""
    if transaction.status == Status.PENDING:
        raise WalletError(ErrorCode.IDEMPOTENCY_IN_PROGRESS, retry_after_s=1)
    if transaction.status == Status.FAILED:
        code = ErrorCode(transaction.failure_code)
        raise WalletError(code, CATALOGUE[code].title)


def _try_again(call: Callable[[], _T]) -> _T:
    """Repeats a call that failed by a transient fault. Raises UNAVAILABLE if every try fails."""
    for attempt in range(1, _TRIES + 1):
        try:
            return call()
        except (ClockError, LeaseError) as error:
            raise WalletError(ErrorCode.UNAVAILABLE, retry_after_s=1) from error
        except (IntegrityError, OperationalError) as error:
            if not _is_transient(error):
                raise
            if attempt == _TRIES:
                raise WalletError(ErrorCode.UNAVAILABLE, retry_after_s=1) from error
        time.sleep(_PAUSE_S * attempt)
    raise WalletError(ErrorCode.UNAVAILABLE, retry_after_s=1)


def _is_transient(error: IntegrityError | OperationalError) -> bool:
    """Whether a second try may succeed: after a deadlock, a serialization failure, or a race in which another request
    with the same idempotency key committed first."""
    if isinstance(error.__cause__, DeadlockDetected | SerializationFailure):
        return True
    return constraint_violated(error) == "transaction_one_per_idempotency_key"
