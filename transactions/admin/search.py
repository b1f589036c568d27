"""How staff find a movement of money among millions: only by what an index answers, however unlike the matches are."""

from typing import Any

from django.db.models import F, QuerySet
from django.db.models.expressions import OrderBy, RawSQL

from kit.admin.big_tables import INT64_MAX, REACH, number_parse
from transactions.models import Entry, Transaction
from wallets.models import User, Wallet

#: Newest first, by an expression that no index has. Where rows are found by something else than their id, Postgres
#: would at times rather walk the whole table in the order of the ids and hope to meet them soon.
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
    """Those with this id or idempotency key, and the newest of this wallet or of this person's wallets."""
    number = number_parse(term)
    wallets = _wallet_ids(term) if number is None else [number]
    # No id is as large as INT64_MAX.
    ids = RawSQL(_TRANSACTIONS_SQL, [number or INT64_MAX, term, wallets, REACH, REACH, REACH])  # noqa: S611 - parameters
    return transactions.filter(id__in=ids).order_by(NEWEST_FOUND_FIRST)


def entries_search(entries: QuerySet[Entry], term: str) -> QuerySet[Entry]:
    """Those of the transaction with this id, all of this wallet, or the newest of this person's wallets."""
    number = number_parse(term)
    if number is not None and Wallet.objects.filter(id=number).exists():
        # An outside wallet's entries have no sequence; the index keeps them as they were written.
        return entries.filter(wallet=number).order_by("-sequence")
    if number is not None:
        return entries.filter(transaction=number).order_by(NEWEST_FOUND_FIRST)
    ids = RawSQL(_ENTRIES_SQL, [REACH, _wallet_ids(term), REACH])  # noqa: S611 - parameters
    return entries.filter(id__in=ids).order_by(NEWEST_FOUND_FIRST)


def newest_found(found: QuerySet[Any]) -> QuerySet[Any]:
    """As many of them as a list can reach, found before anything is joined to them."""
    ids = found.order_by(NEWEST_FOUND_FIRST).values("id")[:REACH]
    reachable: QuerySet[Any] = found.model._default_manager.filter(id__in=ids)  # noqa: SLF001 - Django's model API
    return reachable


def _wallet_ids(name: str) -> list[int]:
    person = name.lower()
    column = "email" if "@" in person else "username"
    owners = User.objects.filter(**{column: person})
    return list(Wallet.objects.filter(owner__in=owners).values_list("id", flat=True))
