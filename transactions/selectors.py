"""Reads of transactions and of a wallet's history, from Postgres."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import QuerySet

from transactions.models import Entry, Job, Kind, Status, Transaction
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.ids import ID_MAX
from wallets.domain.limits import HISTORY_LIMIT, idempotency_key_fits
from wallets.models import User

#: How many of a wallet's newest outgoing transactions `failed_list` searches.
FAILED_SEARCHED = 100
#: The largest possible sequence.
_SEQUENCE_MAX = ID_MAX


# LATERAL and LIMIT: one lookup in the index (source, destination) for each pair of wallets, however long the history of
# either user is.
_PAYMENT_SQL = """
SELECT EXISTS (
    SELECT FROM wallets_wallet AS source
    JOIN wallets_wallet AS destination ON destination.currency = source.currency,
    LATERAL (
        SELECT FROM transactions_transaction AS t
        WHERE t.source_id = source.id AND t.destination_id = destination.id
            AND t.kind = 'transfer' AND t.status = 'posted' LIMIT 1
    ) AS paid
    WHERE source.owner_id = %s AND destination.owner_id = %s
)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryQuery:
    """Selects a part of a wallet's history.

    `limit` entries (1 to 100), newest first, starting at `cursor`; optionally only those of one `kind`, of one
    `direction` ("in" or "out"), created at `since` or later, or created before `until`.
    """

    limit: int = HISTORY_LIMIT
    cursor: str | None = None
    kind: Kind | None = None
    direction: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_kept(self) -> bool:
        """Whether its pages are worth caching. Pages filtered by time are not: requests hardly ever repeat them."""
        return self.since is None and self.until is None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPage:
    """Entries, newest first, with their transactions, both sides and the owners loaded. `next` is the cursor of the
    page with older entries, `previous` of the one with newer entries; None if there is no such page."""

    entries: list[Entry]
    next: str | None
    previous: str | None


def transaction_find(*, transaction_id: int) -> Transaction | None:
    """Any user's transaction, with both sides and their owners loaded. The caller checks who may see it."""
    return _with_sides(Transaction.objects.filter(id=transaction_id)).first()


def transaction_list_by_key(*, user: User, idempotency_key: str) -> list[Transaction]:
    """The transaction that the user created with this idempotency key: a list of one, or of none."""
    if not idempotency_key_fits(idempotency_key):
        return []
    return list(_with_sides(Transaction.objects.filter(initiator=user, idempotency_key=idempotency_key)))


def pending_list(*, wallet_id: int, limit: int) -> list[Transaction]:
    """The newest pending transfers out of a wallet, with both sides and their owners loaded.

    The query starts from the jobs, because exactly the pending transfers have one. The wallet may have millions of
    settled transactions, and every settlement would have to update an index on the status.
    """
    # A range of one id, here and below: only the index (source, id) provides this order. With "equals", Postgres drops
    # the source from the order and, for a wallet that it estimates as busy, scans all wallets' rows backwards by id.
    jobs = Job.objects.filter(source__gte=wallet_id, source__lte=wallet_id).order_by("-source_id", "-id")
    jobs = jobs.select_related("transaction__source__owner", "transaction__destination__owner")
    return [job.transaction for job in jobs[:limit]]


def failed_list(*, wallet_id: int, since: datetime, limit: int) -> list[Transaction]:
    """The transfers out of a wallet that failed at `since` or later, newest first, with both sides and their owners
    loaded.

    Searches only the wallet's newest FAILED_SEARCHED outgoing transactions, so that the cost does not grow with the
    history.
    """
    own = Transaction.objects.filter(source__gte=wallet_id, source__lte=wallet_id).order_by("-source_id", "-id")
    failed = Transaction.objects.filter(
        id__in=own.values("id")[:FAILED_SEARCHED], status=Status.FAILED, settled_at__gte=since
    )
    return list(_with_sides(failed).order_by("-id")[:limit])


def payment_exists(*, payer_id: int, payee_id: int) -> bool:
    """Whether one user has ever paid another, from any wallet to any wallet."""
    with connection.cursor() as cursor:
        cursor.execute(_PAYMENT_SQL, [payer_id, payee_id])
        (exists,) = cursor.fetchone()
    return bool(exists)


def cursor_check(cursor: str | None) -> None:
    """Raises MALFORMED for a cursor that this module did not create."""
    _cursor_parse(cursor)


def entry_page(*, wallet_id: int, query: HistoryQuery, version: int | None = None) -> EntryPage:
    """One page of a wallet's history. With `version`, the page leaves out entries that are newer than this version of
    the wallet. Raises MALFORMED for a cursor that this module did not create.

    Cursors hold a `sequence`, which never changes and has no gaps. So a reader who follows `next` sees each entry
    exactly once, even while new ones are added, and a deep page costs as much as the first one.
    """
    newer_than, older_than = _cursor_parse(query.cursor)
    entries = _filtered(wallet_id, query)
    if version is not None:
        entries = entries.filter(sequence__lte=version)
    if newer_than is not None:
        rows = list(entries.filter(sequence__gt=newer_than).order_by("sequence")[: query.limit + 1])
        has_newer, has_older = len(rows) > query.limit, True
        rows = rows[: query.limit][::-1]
    else:
        rows = list(entries.filter(sequence__lt=older_than).order_by("-sequence")[: query.limit + 1])
        has_newer, has_older = query.cursor is not None, len(rows) > query.limit
        rows = rows[: query.limit]
    return EntryPage(
        entries=rows,
        next=_cursor("older", rows[-1]) if rows and has_older else None,
        previous=_cursor("newer", rows[0]) if rows and has_newer else None,
    )


def _filtered(wallet_id: int, query: HistoryQuery) -> QuerySet[Entry]:
    entries = Entry.objects.filter(wallet=wallet_id).select_related(
        "transaction__source__owner", "transaction__destination__owner"
    )
    if query.kind is not None:
        entries = entries.filter(transaction__kind=query.kind)
    if query.direction is not None:
        entries = entries.filter(amount__gt=0) if query.direction == "in" else entries.filter(amount__lt=0)
    # A wallet's entries are ordered by time, so a time becomes a bound on the sequence, which the index looks up. A
    # condition on created_at would scan all newer entries first.
    if query.since is not None:
        entries = entries.filter(sequence__gte=sequence_at(wallet_id=wallet_id, moment=query.since))
    if query.until is not None:
        entries = entries.filter(sequence__lt=sequence_at(wallet_id=wallet_id, moment=query.until))
    return entries


def sequence_at(*, wallet_id: int, moment: datetime) -> int:
    """The sequence of the wallet's first entry at `moment` or later; if there is none, one more than the last sequence.

    A binary search over the unique index (wallet, sequence): about 23 index lookups in ten million entries.
    """
    entries = Entry.objects.filter(wallet=wallet_id)
    low, high = 1, (entries.order_by("-sequence").values_list("sequence", flat=True).first() or 0) + 1
    while low < high:
        middle = (low + high) // 2
        created_at = entries.filter(sequence=middle).values_list("created_at", flat=True).get()
        if created_at < moment:
            low = middle + 1
        else:
            high = middle
    return low


def _with_sides(transactions: QuerySet[Transaction]) -> QuerySet[Transaction]:
    return transactions.select_related("source__owner", "destination__owner")


def _cursor(direction: str, entry: Entry) -> str:
    return base64.urlsafe_b64encode(f"{direction}:{entry.sequence}".encode()).decode().rstrip("=")


def _cursor_parse(cursor: str | None) -> tuple[int | None, int]:
    """Returns bounds (newer than this sequence, older than that one). The first is None for a page of older
    entries."""
    if cursor is None:
        return None, _SEQUENCE_MAX
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
        direction, _, digits = text.partition(":")
        sequence = int(digits) if digits.isdecimal() and len(digits) < 20 else 0
    except (binascii.Error, UnicodeError, ValueError):
        direction, sequence = "", 0
    if direction not in {"older", "newer"} or not 1 <= sequence <= _SEQUENCE_MAX:
        message = "This cursor is invalid. Start again without one."
        raise WalletError(ErrorCode.MALFORMED, message, fields={"cursor": [message]})
    return (sequence, _SEQUENCE_MAX) if direction == "newer" else (None, sequence)
