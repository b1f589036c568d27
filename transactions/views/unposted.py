"""What a sender sees of transfers that have not moved money: those on their way, and those that failed lately.

The receiver sees a transfer when it has arrived, and not before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from transactions.contract import Data
from transactions.reads import UnpostedTransfers
from transactions.views.rows import Row, unposted_row_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Unposted:
    """Rows of one wallet, newest first; `more_pending` where there are others on their way that are not among them."""

    pending: list[Row]
    failed: list[Row]
    more_pending: bool

    def without(self, entries: Sequence[Data]) -> "Unposted":
        """Less what has arrived since it was read: nothing is shown as moved and as on its way at once."""
        moved = {int(entry["transaction"]["id"]) for entry in entries}
        return replace(self, pending=[row for row in self.pending if row.transaction_id not in moved])


NOTHING_UNPOSTED = Unposted(pending=[], failed=[], more_pending=False)


def unposted_rows(transfers: UnpostedTransfers, *, limit: int) -> Unposted:
    """At most `limit` of each."""
    return Unposted(
        pending=[unposted_row_of(transaction) for transaction in transfers.pending[:limit]],
        failed=[unposted_row_of(transaction) for transaction in transfers.failed[:limit]],
        more_pending=len(transfers.pending) > limit,
    )
