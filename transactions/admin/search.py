"""Staff's search for transactions and entries. It stays fast with millions of rows, because it only uses indexes."""

from typing import Any

from django.db.models import F, QuerySet
from django.db.models.expressions import OrderBy, RawSQL

from kit.admin.big_tables import INT64_MAX, REACH, number_parse
from transactions.models import Entry, Transaction
from wallets.domain.names import name_canonical
from wallets.models import User, Wallet

#: Newest first, by an expression that has no index. If rows are found by something else than their id, this keeps
#: Postgres from walking the whole table in order of the ids in the hope of meeting them soon.
NEWEST_FOUND_FIRST: OrderBy = (F("id") + 0).desc()

_TRANSACTIONS_SQL = """
SELECT id FROM transactions_transaction WHERE id = %s
UNION ALL
SELECT id FROM transactions_transaction WHERE idempotency_key = %s
UNION ALL
SELECT side.id FROM unnest(%s::bigint[]) AS wallet (id), LATERAL (
    (SELECT t.id FROM transactions_transaction AS t WHERE t.source_id = wallet.id ORDER BY t.id DESC LIMIT %s)
    UNION ALL
    (SELECT t.id FROM transactions_transaction AS t WHERE t.destination_id = wallet.id ORDER BY t.id DESC LIMIT %s)
) AS side
ORDER BY id DESC LIMIT %s
"""
# A wallet's version is the sequence of its last entry.
_ENTRIES_SQL = """
SELECT e.id FROM wallets_wallet AS w
JOIN transactions_entry AS e ON e.wallet_id = w.id AND e.sequence > w.version - %s
WHERE w.id = ANY(%s)
ORDER BY e.id DESC LIMIT %s
"""


def transactions_search(transactions: QuerySet[Transaction], term: str) -> QuerySet[Transaction]:
    """The transactions with this id or idempotency key, and the newest of this wallet id or of this user's wallets."""
    number = number_parse(term)
    wallets = _wallet_ids(term) if number is None else [number]
    # No id is as large as INT64_MAX.
    ids = RawSQL(_TRANSACTIONS_SQL, [number or INT64_MAX, term, wallets, REACH, REACH, REACH])  # noqa: S611 - parameters
    return transactions.filter(id__in=ids).order_by(NEWEST_FOUND_FIRST)


def entries_search(entries: QuerySet[Entry], term: str) -> QuerySet[Entry]:
    """All entries of this wallet id or transaction id, or the newest of this user's wallets."""
    number = number_parse(term)
    if number is not None and Wallet.objects.filter(id=number).exists():
        # The entries of an outside wallet have no sequence; the index holds them in the order of writing.
        return entries.filter(wallet=number).order_by("-sequence")
    if number is not None:
        return entries.filter(transaction=number).order_by(NEWEST_FOUND_FIRST)
    ids = RawSQL(_ENTRIES_SQL, [REACH, _wallet_ids(term), REACH])  # noqa: S611 - parameters
    return entries.filter(id__in=ids).order_by(NEWEST_FOUND_FIRST)


def newest_found(found: QuerySet[Any]) -> QuerySet[Any]:
    """The newest rows, as many as the list can page to, selected before anything is joined to them."""
    ids = found.order_by(NEWEST_FOUND_FIRST).values("id")[:REACH]
    reachable: QuerySet[Any] = found.model._default_manager.filter(id__in=ids)  # noqa: SLF001 - Django's model API
    return reachable


def _wallet_ids(name: str) -> list[int]:
    username_or_email = name_canonical(name)
    column = "email" if "@" in username_or_email else "username"
    owners = User.objects.filter(**{column: username_or_email})
    return list(Wallet.objects.filter(owner__in=owners).values_list("id", flat=True))
