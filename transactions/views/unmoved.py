"""What a sender sees of transfers that have not moved money: those on their way, and those that failed lately.

The receiver sees a transfer when it has arrived, and not before.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.utils import timezone

from transactions.models import Entry
from transactions.selectors import failed_list, pending_list
from transactions.views.rows import Row, unmoved_row_of

#: How long a failed transfer is pointed out. Its own page stays.
FAILED_SHOWN_FOR = datetime.timedelta(days=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmoved:
    """Rows of one wallet, newest first; `more_pending` where there are others on their way that are not among them."""

    pending: list[Row]
    failed: list[Row]
    more_pending: bool

    def without(self, entries: Sequence[Entry]) -> "Unmoved":
        """Less what has arrived since it was read: nothing is shown as moved and as on its way at once."""
        moved = {entry.transaction_id for entry in entries}
        return replace(self, pending=[row for row in self.pending if row.transaction_id not in moved])


NOTHING_UNMOVED = Unmoved(pending=[], failed=[], more_pending=False)


def unmoved_of(*, wallet_id: int, limit: int) -> Unmoved:
    """At most `limit` of each. Read before the wallet's entries: a transfer that settles in between is then seen among
    both, and never among neither."""
    pending = pending_list(wallet_id=wallet_id, limit=limit + 1)
    failed = failed_list(wallet_id=wallet_id, since=timezone.now() - FAILED_SHOWN_FOR, limit=limit)
    return Unmoved(
        pending=[unmoved_row_of(transaction) for transaction in pending[:limit]],
        failed=[unmoved_row_of(transaction) for transaction in failed],
        more_pending=len(pending) > limit,
    )
