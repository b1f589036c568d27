"""The unposted transfers that a sender sees: pending ones, and those that failed in the last days.

A recipient sees a transfer only when it is posted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from transactions.contract import Data
from transactions.reads import UnpostedTransfers
from transactions.views.rows import Row, unposted_row_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Unposted:
    """Rows of one wallet, newest first. `more_pending`: the wallet has more pending transfers than these."""

    pending: list[Row]
    failed: list[Row]
    more_pending: bool

    def without(self, entries: Sequence[Data]) -> "Unposted":
        """Leaves out the transfers among these entries, which were posted after the unposted ones were read. So no page
        shows a transfer as posted and as pending."""
        posted = {int(entry["transaction"]["id"]) for entry in entries}
        return replace(self, pending=[row for row in self.pending if row.transaction_id not in posted])


NOTHING_UNPOSTED = Unposted(pending=[], failed=[], more_pending=False)


def unposted_rows(transfers: UnpostedTransfers, *, limit: int) -> Unposted:
    """The rows of these transfers: at most `limit` pending and `limit` failed ones."""
    return Unposted(
        pending=[unposted_row_of(transaction) for transaction in transfers.pending[:limit]],
        failed=[unposted_row_of(transaction) for transaction in transfers.failed[:limit]],
        more_pending=len(transfers.pending) > limit,
    )
