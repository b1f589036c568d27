"""Money in, out and between people, one call each: resolve who is meant, then let the ledger decide."""

import time
from dataclasses import dataclass

from django.db import IntegrityError, OperationalError
from psycopg.errors import DeadlockDetected, SerializationFailure

from telemetry import metrics
from transactions.ledger.commands import Command, Outcome
from transactions.ledger.post import post
from transactions.models import Kind, Transaction
from transactions.selectors import transaction_list_by_key
from wallets.constraints import constraint_violated
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.ids import ClockError
from wallets.models import User, Wallet
from wallets.node_leases import LeaseError
from wallets.selectors import destination_wallet_get, recipient_wallet_get, wallet_get

#: How often one request is posted before its caller is asked to come again.
_TRIES = 3
_PAUSE_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A posted transaction, with its wallets and their owners loaded; `replayed` if it was posted by an earlier call
    with the same idempotency key."""

    transaction: Transaction
    replayed: bool


def deposit_create(
    *, actor: User, wallet_id: int, amount: int, memo: str = "", idempotency_key: str | None = None
) -> Receipt:
    """Adds `amount` minor units from outside to the actor's wallet. Raises WalletError."""
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
    *, actor: User, wallet_id: int, amount: int, memo: str = "", idempotency_key: str | None = None
) -> Receipt:
    """Takes `amount` minor units out of the actor's wallet. Raises WalletError."""
    wallet = wallet_get(owner=actor, wallet_id=wallet_id)
    command = Command(
        kind=Kind.WITHDRAWAL,
        amount=amount,
        source_id=wallet.id,
        initiator_id=actor.pk,
        memo=memo,
        idempotency_key=idempotency_key,
    )
    return _receipt(command, source=wallet, destination=None)


def transfer_create(
    *,
    actor: User,
    source_id: int,
    destination_id: int | None = None,
    recipient: str | None = None,
    amount: int,
    memo: str = "",
    idempotency_key: str | None = None,
) -> Receipt:
    """Sends `amount` minor units from the actor's wallet to a wallet, or to a recipient's wallet of that currency.

    Exactly one of `destination_id` and `recipient` (a username or an e-mail address) is given. Raises WalletError.
    """
    source = wallet_get(owner=actor, wallet_id=source_id)
    destination = _destination(
        source, destination_id=destination_id, recipient=recipient, actor=actor, idempotency_key=idempotency_key
    )
    command = Command(
        kind=Kind.TRANSFER,
        amount=amount,
        source_id=source.id,
        destination_id=destination.id,
        initiator_id=actor.pk,
        memo=memo,
        idempotency_key=idempotency_key,
    )
    return _receipt(command, source=source, destination=destination)


def _destination(
    source: Wallet, *, destination_id: int | None, recipient: str | None, actor: User, idempotency_key: str | None
) -> Wallet:
    if recipient is None and destination_id is not None:
        return destination_wallet_get(wallet_id=destination_id)
    if recipient is not None and destination_id is None:
        return _recipient_wallet(source, recipient, actor=actor, idempotency_key=idempotency_key)
    message = "Give either a destination or a recipient."
    raise WalletError(ErrorCode.MALFORMED, message, fields={"destination": [message], "recipient": [message]})


def _recipient_wallet(source: Wallet, recipient: str, *, actor: User, idempotency_key: str | None) -> Wallet:
    try:
        return recipient_wallet_get(name=recipient, currency=source.currency)
    except WalletError:
        # Whoever was paid may have left, or changed their name, since: the same request still gets its first answer.
        paid = transaction_list_by_key(user=actor, idempotency_key=idempotency_key) if idempotency_key else []
        if not paid or paid[0].kind != Kind.TRANSFER or paid[0].destination is None:
            raise
        return paid[0].destination


def _receipt(command: Command, *, source: Wallet | None, destination: Wallet | None) -> Receipt:
    outcome = _post_one(command)
    if outcome.error:
        metrics.transactions_refused.labels(kind=command.kind, code=outcome.error.code).inc()
        raise outcome.error
    if not outcome.replayed:
        metrics.transactions_posted.labels(kind=command.kind).inc()
    assert outcome.transaction is not None  # noqa: S101 - the ledger answers with an error or a transaction
    outcome.transaction.source = source
    outcome.transaction.destination = destination
    return Receipt(transaction=outcome.transaction, replayed=outcome.replayed)


def _post_one(command: Command) -> Outcome:
    """Posts one command; tries again where only the moment was wrong. Raises UNAVAILABLE when it stays wrong."""
    for attempt in range(1, _TRIES + 1):
        try:
            return post([command])[0]
        except (ClockError, LeaseError) as error:
            raise WalletError(ErrorCode.UNAVAILABLE, retry_after_s=1) from error
        except (IntegrityError, OperationalError) as error:
            if not _passing(error):
                raise
            if attempt == _TRIES:
                raise WalletError(ErrorCode.UNAVAILABLE, retry_after_s=1) from error
        time.sleep(_PAUSE_S * attempt)
    raise WalletError(ErrorCode.UNAVAILABLE, retry_after_s=1)


def _passing(error: IntegrityError | OperationalError) -> bool:
    """A fault that a second try may not meet: an equal key committed meanwhile, or a deadlock."""
    if isinstance(error.__cause__, DeadlockDetected | SerializationFailure):
        return True
    return constraint_violated(error) == "transaction_one_per_idempotency_key"
