"""A transfer that came through Kafka and met a fault too often goes to the dead-letter desk of the queue."""

from django.db import connection, transaction
from django.utils import timezone

from kit.cache.protocol import cache_fence
from telemetry import metrics
from transactions.ledger.arrays import array_literal
from transactions.ledger.commands import Command, command_transaction
from transactions.ledger.post import post
from transactions.ledger.record import REQUEST_FIELDS
from transactions.models import Status
from transactions.names import settled_names
from transactions.settlement.partitions import partition_of
from wallets.models import Wallet

# Pending, and with its job in the same statement, as everything that is pending. ON CONFLICT: it is there already, or
# its idempotency key has been used meanwhile.
_BURY_SQL = """
WITH buried AS (
    INSERT INTO transactions_transaction (id, kind, currency, amount, source_id, destination_id, memo, initiator_id,
        idempotency_key, created_at, status, failure_code)
    SELECT new.*, 'pending', '' FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::bigint[],
        %s::bigint[], %s::text[], %s::bigint[], %s::text[], %s::timestamptz[]) AS new
    ON CONFLICT DO NOTHING
    RETURNING id, source_id
)
INSERT INTO transactions_job (transaction_id, source_id, partition, attempts, dead_at, last_fault)
SELECT id, source_id, %s, %s, now(), %s FROM buried RETURNING id
"""


def transfer_bury(command: Command, *, fault: str, attempts: int) -> None:
    """Puts an accepted transfer on record as pending, with a dead job, for staff to replay or fail.

    One that is on record already stays as it is. One whose idempotency key has been used meanwhile is settled as
    failed: were it buried, staff could make the money move twice. Raises IntegrityError where it names somebody
    unknown.
    """
    with transaction.atomic(durable=True):
        currency = Wallet.objects.values_list("currency", flat=True).filter(id=command.source_id or 0).first() or ""
        pending = command_transaction(command, status=Status.PENDING, currency=currency, created_at=timezone.now())
        columns = [array_literal([getattr(pending, field)], of=type_) for field, type_ in REQUEST_FIELDS.items()]
        with connection.cursor() as cursor:
            cursor.execute(_BURY_SQL, [*columns, partition_of(command.source_id or 0), attempts, fault])
            is_buried = cursor.fetchone() is not None
        cache_fence(settled_names([pending]))
    if is_buried:
        metrics.dead_letters_buried.inc()
        return
    with transaction.atomic(durable=True):
        post([command])
