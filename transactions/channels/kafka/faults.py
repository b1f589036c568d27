"""What a fault means for a message: tried again later, or given up.

What cannot be settled is published elsewhere before its offset is committed: nothing is passed over that lies nowhere.
"""

from collections.abc import Sequence
from dataclasses import replace

import structlog
from django.conf import settings
from django.db import IntegrityError
from django.utils import timezone

from transactions.channels.kafka.deliveries import ATTEMPTS, FAULT, NOT_BEFORE, ORIGIN, REQUEST_ID, Delivery
from transactions.channels.kafka.messages import Outgoing
from transactions.channels.kafka.producer import UnsentError, messages_publish
from transactions.channels.kafka.topics import dead_topic, retry_topic
from transactions.settlement.bury import transfer_bury
from transactions.settlement.retry import fault_is_of_the_moment, fault_text, retry_delay, text_fit

log = structlog.get_logger(__name__)


class UnpublishedError(Exception):
    """The broker did not acknowledge what had to be put elsewhere: nothing may be passed over."""


def unreadable_bury(deliveries: Sequence[tuple[Delivery, str]]) -> None:
    """Puts messages that nobody can read, or put on record, into the dead topic, their bytes as they came. Raises
    UnpublishedError."""
    told = [(delivery, text_fit(reason)) for delivery, reason in deliveries]
    _publish([_copy(delivery, topic=dead_topic(), fault=reason) for delivery, reason in told])
    for delivery, reason in told:
        log.error("message_unreadable", origin=delivery.origin, reason=reason, request_id=delivery.request_id)


def faulty_put_off(faulty: Sequence[tuple[Delivery, Exception]]) -> int:
    """Publishes each to be tried again, or after the last attempt leaves it to staff; how many those were. Raises
    UnpublishedError."""
    judged = [(replace(d, headers=_counted(d)), error, _is_over(d, error)) for d, error in faulty]
    _publish([_dead(d, e) if is_over else _retry(d, e) for d, e, is_over in judged])
    for delivery, error, is_over in judged:
        if is_over:
            _to_the_desk(delivery, error)
        log.warning(
            "transfer_fault",
            transaction_id=delivery.command and delivery.command.promised and delivery.command.promised.id,
            attempts=delivery.attempts,
            dead=is_over,
            fault=fault_text(error),
            origin=delivery.origin,
            request_id=delivery.request_id,
        )
    return sum(is_over for _, _, is_over in judged)


def _is_over(delivery: Delivery, error: Exception) -> bool:
    """A wallet that somebody keeps locked is waited for; anything else is given up after so many attempts."""
    return not fault_is_of_the_moment(error) and delivery.attempts + 1 >= settings.TRANSFER_ATTEMPTS_MAX


def _to_the_desk(delivery: Delivery, error: Exception) -> None:
    """Among the dead letters of the queue, where staff see it, replay it or fail it."""
    assert delivery.command is not None  # noqa: S101 - it was readable
    try:
        transfer_bury(delivery.command, fault=fault_text(error), attempts=delivery.attempts)
    except IntegrityError as refused:
        # Somebody else than we has written it, for people or wallets that do not exist. It lies in the dead topic.
        log.error("transfer_not_on_record", origin=delivery.origin, reason=fault_text(refused))


def _counted(delivery: Delivery) -> dict[str, bytes]:
    return {**delivery.headers, ATTEMPTS: str(delivery.attempts + 1).encode()}


def _retry(delivery: Delivery, error: Exception) -> Outgoing:
    not_before = timezone.now() + retry_delay(delivery.attempts)
    headers = {**delivery.headers, NOT_BEFORE: str(int(not_before.timestamp() * 1_000)).encode()}
    return _copy(replace(delivery, headers=headers), topic=retry_topic(), fault=fault_text(error))


def _dead(delivery: Delivery, error: Exception) -> Outgoing:
    return _copy(delivery, topic=dead_topic(), fault=fault_text(error))


def _copy(delivery: Delivery, *, topic: str, fault: str) -> Outgoing:
    """The same message, where it came from, and what was wrong."""
    kept = {name: delivery.headers[name] for name in (REQUEST_ID, ATTEMPTS, NOT_BEFORE) if name in delivery.headers}
    headers = {**kept, ORIGIN: delivery.origin.encode(), FAULT: fault.encode()}
    return Outgoing(topic=topic, key=delivery.key, value=delivery.value, headers=list(headers.items()))


def _publish(messages: Sequence[Outgoing]) -> None:
    try:
        acknowledged = messages_publish(messages)
    except UnsentError as error:
        raise UnpublishedError from error
    if not all(acknowledged):
        raise UnpublishedError
