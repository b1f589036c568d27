"""Accepting transfers through Kafka: published and acknowledged before anybody is told "accepted"."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import structlog
from django.db import transaction

from kit.cache.link import RedisAwayError
from kit.cache.protocol import cache_replayed
from transactions.channels.kafka.deliveries import REQUEST_ID
from transactions.channels.kafka.messages import Outgoing, source_key, transfer_encode
from transactions.channels.kafka.producer import UnsentError, messages_publish
from transactions.channels.kafka.registry import keys_claim, transfers_register
from transactions.channels.kafka.topics import requested_topic
from transactions.ledger.commands import Command, Outcome, Promise
from transactions.ledger.post import requests_find
from transactions.models import Transaction
from transactions.names import unmoved_name
from transactions.settlement.accept import Acceptance, Request, replay
from wallets.domain.errors import ErrorCode, WalletError

_NOT_ACCEPTED = "Transfers cannot be accepted at this moment."
_NOT_KNOWN = (
    "It is not known whether this was accepted. Send it again with the same idempotency key; without one, look first."
)


def transfers_publish(requests: Sequence[Request]) -> list[Outcome]:
    """Accepts transfers; one outcome for each, in order: a pending transaction, an earlier one, or an error.

    What is accepted was acknowledged by the broker when this returns, and will be posted or failed whatever dies
    afterwards. A transfer that the broker did not acknowledge is answered UNAVAILABLE. It may have arrived all the
    same: repeated with its idempotency key it is the same transfer, however often it arrives.

    Raises, with nothing accepted: UNAVAILABLE where the broker has acknowledged none; OperationalError, ClockError and
    LeaseError where the database or the clock fails.
    """
    # Durable: inside a transaction of the caller's, "accepted" could not be taken back.
    with transaction.atomic(durable=True):
        acceptance = Acceptance(stored=requests_find([request.command for request in requests]))
        outcomes = [acceptance.apply(request) for request in requests]
        if any(outcome.replayed for outcome in outcomes):
            cache_replayed({unmoved_name(request.source.id) for request in requests})
    new = {accepted.id: accepted for accepted in acceptance.new}
    for request, outcome in zip(requests, outcomes, strict=True):
        if outcome.transaction is not None and outcome.transaction.id in new:
            outcome.transaction.source, outcome.transaction.destination = request.source, request.destination
    holders = _claim(acceptance.new)
    outcomes = [_judge(request, outcome, holders) for request, outcome in zip(requests, outcomes, strict=True)]
    # Those that an earlier request claimed are published once more: it may have died before it could.
    open_ids = (new.keys() - holders.keys()) | {holder.id for holder in holders.values()}
    return _publish(requests, outcomes, open_ids)


def _claim(new: Sequence[Transaction]) -> dict[int, Transaction]:
    try:
        return keys_claim(new)
    except RedisAwayError:
        # Goes on without: a repeated request then comes under a second id, which the ledger refuses for its key.
        return {}


def _judge(request: Request, outcome: Outcome, holders: Mapping[int, Transaction]) -> Outcome:
    """The outcome once more, where the idempotency key has been given to an earlier request."""
    if outcome.transaction is None or outcome.transaction.id not in holders:
        return outcome
    return replay(request.command, holders[outcome.transaction.id])


def _publish(requests: Sequence[Request], outcomes: Sequence[Outcome], open_ids: Collection[int]) -> list[Outcome]:
    """Publishes the transfers of these outcomes that Postgres does not know, each once."""
    commands: dict[int, Command] = {}
    transfers: dict[int, Transaction] = {}
    for request, outcome in zip(requests, outcomes, strict=True):
        accepted = outcome.transaction
        if accepted is not None and accepted.id in open_ids:
            promised = Promise(id=accepted.id, created_at=accepted.created_at)
            commands.setdefault(accepted.id, replace(request.command, promised=promised))
            transfers[accepted.id] = accepted
    if not commands:
        return list(outcomes)
    try:
        acknowledged = messages_publish(_messages(commands.values()))
    except UnsentError:
        raise WalletError(ErrorCode.UNAVAILABLE, _NOT_ACCEPTED, retry_after_s=1) from None
    lost = {id_ for id_, arrived in zip(commands, acknowledged, strict=True) if not arrived}
    if len(lost) == len(commands):
        raise _unknown()
    transfers_register([accepted for id_, accepted in transfers.items() if id_ not in lost])
    return [
        Outcome(error=_unknown()) if outcome.transaction and outcome.transaction.id in lost else outcome
        for outcome in outcomes
    ]


def _messages(commands: Iterable[Command]) -> list[Outgoing]:
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    headers = [(REQUEST_ID, str(request_id).encode())] if request_id else []
    topic = requested_topic()
    return [
        Outgoing(topic=topic, key=source_key(command), value=transfer_encode(command), headers=headers)
        for command in commands
    ]


def _unknown() -> WalletError:
    return WalletError(ErrorCode.UNAVAILABLE, _NOT_KNOWN, retry_after_s=1)
