"""What a consumer tells others: when a job is tried again, that one was given up, and what it cannot read."""

from collections.abc import Sequence
from dataclasses import replace

import structlog
from django.conf import settings

from kit.http.bodies import json_bytes
from transactions.channels.kafka.messages import FAULT, ORIGIN, SCHEMA, Incoming, Outgoing, look_message
from transactions.channels.kafka.producer import messages_send, messages_store
from transactions.channels.kafka.topics import dead_topic, retry_topic
from transactions.settlement.retry import FaultyJob

log = structlog.get_logger(__name__)


class UnstoredError(Exception):
    """The broker did not take an unreadable message, which must not be passed over."""


def faulty_announce(faulty: Sequence[FaultyJob]) -> None:
    """Says when to look at these jobs again, and which ones were given up. Neither message decides anything."""
    messages_send([_retry(job) if job.retry_at else _dead(job) for job in faulty])


def unreadable_store(unreadable: Sequence[tuple[Incoming, str]]) -> None:
    """Stores messages in the dead-letter topic, byte for byte, with the reason. Raises UnstoredError."""
    if not unreadable:
        return
    copies = [_copy(message, reason) for message, reason in unreadable]
    if not messages_store(copies, timeout_s=settings.KAFKA_DELIVERY_TIMEOUT_MS / 1_000):
        raise UnstoredError
    for message, reason in unreadable:
        log.error("message_unreadable", origin=message.origin, reason=reason)


def _retry(job: FaultyJob) -> Outgoing:
    return look_message(job.source_id, topic=retry_topic(), not_before=job.retry_at)


def _dead(job: FaultyJob) -> Outgoing:
    value = json_bytes(
        {
            "schema": SCHEMA,
            "source": str(job.source_id),
            "transaction": str(job.transaction_id),
            "attempts": job.attempts,
        }
    )
    headers = [(FAULT, job.fault.encode())]
    return Outgoing(topic=dead_topic(), key=str(job.source_id).encode(), value=value, headers=headers)


def _copy(message: Incoming, reason: str) -> Outgoing:
    headers = {ORIGIN: message.origin, FAULT: reason}
    return replace(
        Outgoing(topic=dead_topic(), key=message.key, value=message.value),
        headers=[(name, text.encode("utf-8", errors="backslashreplace")) for name, text in headers.items()],
    )
