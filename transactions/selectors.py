"""Reads about how money moved: transactions, and a wallet's history."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from transactions.models import Entry, Job, Kind, Status, Transaction
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.ids import ID_MAX
from wallets.domain.limits import HISTORY_LIMIT, idempotency_key_fits
from wallets.models import User

#: Among how many of a wallet's newest outgoing transactions failed ones are looked for.
FAILED_SEARCHED = 100
#: No sequence is larger.
_SEQUENCE_MAX = ID_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryQuery:
    """What part of a wallet's history is asked for.

    `limit` entries (1 to 100), newest first, from `cursor` on; of one `kind`, one `direction` ("in" or "out"),
    written at `since` or later and before `until`.
    """

    limit: int = HISTORY_LIMIT
    cursor: str | None = None
    kind: Kind | None = None
    direction: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_kept(self) -> bool:
        """Whether its pages are worth caching. Pages cut by time are not: there are as many as there are moments."""
        return self.since is None and self.until is None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPage:
    """Entries newest first, with their transactions, both sides and owners loaded; cursors to the older page (`next`)
    and to the newer one (`previous`), None where there is none."""

    entries: list[Entry]
    next: str | None
    previous: str | None


def transaction_find(*, transaction_id: int) -> Transaction | None:
    """Anybody's transaction, both sides and their owners loaded. Whoever shows it asks whose it is."""
    return _with_sides(Transaction.objects.filter(id=transaction_id)).first()


def transaction_list_by_key(*, user: User, idempotency_key: str) -> list[Transaction]:
    """The one transaction that the user asked for under this key, or none."""
    if not idempotency_key_fits(idempotency_key):
        return []
    return list(_with_sides(Transaction.objects.filter(initiator=user, idempotency_key=idempotency_key)))


def pending_list(*, wallet_id: int, limit: int) -> list[Transaction]:
    """The newest transfers that are on their way out of a wallet, both sides and their owners loaded.

    Found by their jobs, of which exactly the pending ones have one: the wallet may have millions of settled ones, and
    an index on the status would have to be written anew for each that settles.
    """
    # A range of one, here and below: in that order only the index (source, id) gives the rows. For "equals" Postgres
    # would drop the source from the order, and for a wallet that it thinks busy walk backwards through everybody's.
    jobs = Job.objects.filter(source__gte=wallet_id, source__lte=wallet_id).order_by("-source_id", "-id")
    jobs = jobs.select_related("transaction__source__owner", "transaction__destination__owner")
    return [job.transaction for job in jobs[:limit]]


def failed_list(*, wallet_id: int, since: datetime, limit: int) -> list[Transaction]:
    """The transfers out of a wallet that failed at `since` or later, newest first, both sides and their owners loaded.

    Only the wallet's newest FAILED_SEARCHED transactions are looked at, so that the busiest wallet costs no more than
    any other.
    """
    own = Transaction.objects.filter(source__gte=wallet_id, source__lte=wallet_id).order_by("-source_id", "-id")
    failed = Transaction.objects.filter(
        id__in=own.values("id")[:FAILED_SEARCHED], status=Status.FAILED, settled_at__gte=since
    )
    return list(_with_sides(failed).order_by("-id")[:limit])


def cursor_check(cursor: str | None) -> None:
    """Raises MALFORMED for a cursor that was not made here."""
    _cursor_parse(cursor)


def entry_page(*, wallet_id: int, query: HistoryQuery, version: int | None = None) -> EntryPage:
    """One page of a wallet's history as it was at this version of the wallet: what has come since is not there yet.
    Raises MALFORMED for a cursor that was not made here.

    Pages are cut by `sequence`, which never changes and has no gaps, so that following `next` meets each entry once,
    however many arrive meanwhile, and a deep page costs what the first one does.
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
    # A wallet's entries stand in order of time, so a time becomes a bound on the sequence: an index lookup, where a
    # condition on created_at would walk through everything newer first.
    if query.since is not None:
        entries = entries.filter(sequence__gte=sequence_at(wallet_id=wallet_id, moment=query.since))
    if query.until is not None:
        entries = entries.filter(sequence__lt=sequence_at(wallet_id=wallet_id, moment=query.until))
    return entries


def sequence_at(*, wallet_id: int, moment: datetime) -> int:
    """The sequence of the wallet's first entry at `moment` or later; one past the last where there is none.

    A binary search over the unique index (wallet, sequence): about 23 look-ups in ten million entries.
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
    """(newer than this sequence, older than this one); the first is None where the page lies on the older side."""
    if cursor is None:
        return None, _SEQUENCE_MAX
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
        direction, _, digits = text.partition(":")
        sequence = int(digits) if digits.isdecimal() and len(digits) < 20 else 0
    except (binascii.Error, UnicodeError, ValueError):
        direction, sequence = "", 0
    if direction not in {"older", "newer"} or not 1 <= sequence <= _SEQUENCE_MAX:
        message = "This cursor was not made here; start without one."
        raise WalletError(ErrorCode.MALFORMED, message, fields={"cursor": [message]})
    return (sequence, _SEQUENCE_MAX) if direction == "newer" else (None, sequence)
