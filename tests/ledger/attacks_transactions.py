"""Attacks: transactions that are changed, deleted or inconsistent."""

from tests.ledger.raw import USD, Attack, Row, Side, WalletRow
from wallets.domain.money import AMOUNT_MAX

_UNKNOWN = 5_000


def _update(rule: str, title: str, which: str, assignment: str) -> Attack:
    """An update of one of the transactions in the books."""
    return Attack(
        rule,
        title,
        lambda b: (
            f"UPDATE transactions_transaction SET {assignment.format(bob=b.bob, new=b.new, user=b.user + 1)} "
            f"WHERE id = {getattr(b, which)}"
        ),
    )


FINAL = [
    *(
        _update("transaction_settled_is_final", f"{title} ({which})", which, assignment)
        for which in ("transfer", "failed")
        for title, assignment in {
            "another memo": "memo = 'rent'",
            "another amount": "amount = amount + 1",
            "another time": "settled_at = now()",
            "waiting again": "status = 'pending', settled_at = NULL, failure_code = ''",
            "failed after all": "status = 'failed', failure_code = 'wallet_closed'",
            "posted after all": "status = 'posted', failure_code = ''",
            "a change that changes nothing": "memo = memo",
        }.items()
    ),
    *(
        _update(
            "transaction_request_is_fixed", f"another {assignment.split(' ')[0]} while waiting", "pending", assignment
        )
        for assignment in (
            "id = {new}",
            "kind = 'deposit', source_id = NULL",
            "currency = 'EUR'",
            "amount = 6",
            "source_id = {bob}, destination_id = source_id",
            "destination_id = NULL, kind = 'withdrawal'",
            "memo = 'rent'",
            "initiator_id = {user}",
            "idempotency_key = 'k-2'",
            "created_at = now() - interval '1 day'",
        )
    ),
    _update(
        "transaction_request_is_fixed",
        "another amount on the way to failure",
        "pending",
        "amount = 1, status = 'failed', settled_at = now(), failure_code = 'wallet_frozen'",
    ),
]

POSTED = [
    Attack(
        "transaction_posted_has_entries",
        "born posted without entries",
        lambda b: b.rows_sql([Row(b.new, "deposit", 50, destination=b.bob)]),
    ),
    Attack(
        "transaction_posted_has_entries",
        "one of two born without entries",
        lambda b: b.deposit_to_bob().replace(
            b.rows_sql([Row(b.new, "deposit", 50, destination=b.bob)]),
            b.rows_sql(
                [
                    Row(b.new, "deposit", 50, destination=b.bob),
                    Row(b.newer, "deposit", 50, destination=b.bob),
                ]
            ),
        ),
    ),
    _update(
        "transaction_posted_has_entries",
        "settled without entries",
        "pending",
        "status = 'posted', settled_at = now()",
    ),
]

GONE = [
    *(
        Attack(
            "transaction_no_delete",
            title,
            lambda b, which=which: f"DELETE FROM transactions_transaction WHERE id = {getattr(b, which, 0)}",  # type: ignore[misc]
        )
        for title, which in {
            "a posted one": "transfer",
            "a failed one": "failed",
            "a waiting one": "pending",
            "nothing at all": "none",
        }.items()
    ),
    Attack(
        "transaction_no_truncate",
        "all transactions at once",
        lambda b: "TRUNCATE transactions_transaction CASCADE",
    ),
]


def _row(rule: str, title: str, row: str) -> Attack:
    """A new transaction with these columns: kind, amount, source, destination, status, settled_at, failure_code."""
    return Attack(
        rule,
        title,
        lambda b: (
            f"""INSERT INTO transactions_transaction
            (id, kind, amount, source_id, destination_id, status, settled_at, failure_code, currency, memo,
            initiator_id, created_at)
            VALUES ({b.new}, {row.format(alice=b.alice, bob=b.bob)}, 'USD', '', {b.user}, now())"""
        ),
    )


_SIDES = {
    "a deposit from a wallet": "'deposit', 5, {alice}, {bob}",
    "a deposit to nowhere": "'deposit', 5, NULL, NULL",
    "a deposit that is a withdrawal": "'deposit', 5, {alice}, NULL",
    "a withdrawal to a wallet": "'withdrawal', 5, {alice}, {bob}",
    "a withdrawal from nowhere": "'withdrawal', 5, NULL, NULL",
    "a withdrawal that is a deposit": "'withdrawal', 5, NULL, {bob}",
    "a transfer from nowhere": "'transfer', 5, NULL, {bob}",
    "a transfer to nowhere": "'transfer', 5, {alice}, NULL",
    "a transfer between nobody and nobody": "'transfer', 5, NULL, NULL",
    "a transfer to the same wallet": "'transfer', 5, {alice}, {alice}",
    "a kind that does not exist": "'gift', 5, {alice}, {bob}",
}
_STATUSES = {
    "waiting, but settled": "'pending', now(), ''",
    "waiting, but failed": "'pending', NULL, 'wallet_frozen'",
    "posted, but not settled": "'posted', NULL, ''",
    "posted, but failed": "'posted', now(), 'wallet_frozen'",
    "failed, but not settled": "'failed', NULL, 'wallet_frozen'",
    "failed without a reason": "'failed', now(), ''",
    "a status that does not exist": "'lost', now(), ''",
}

SHAPE = [
    *(
        _row("transaction_amount_range", title, f"'transfer', {amount}, {{alice}}, {{bob}}, 'pending', NULL, ''")
        for title, amount in {"nothing": 0, "less than nothing": -1, "more than allowed": AMOUNT_MAX + 1}.items()
    ),
    *(_row("transaction_sides_fit_kind", title, f"{row}, 'pending', NULL, ''") for title, row in _SIDES.items()),
    *(
        _row("transaction_status_fits", title, f"'transfer', 5, {{alice}}, {{bob}}, {row}")
        for title, row in _STATUSES.items()
    ),
    _row(
        "transactions_transac_source_id_26f8f797_fk_wallets_w",
        "a source that does not exist",
        f"'transfer', 5, {_UNKNOWN}, {{bob}}, 'failed', now(), 'wallet_frozen'",
    ),
    _row(
        "transactions_transac_destination_id_55f61b5f_fk_wallets_w",
        "a destination that does not exist",
        f"'transfer', 5, {{alice}}, {_UNKNOWN}, 'failed', now(), 'wallet_frozen'",
    ),
    Attack(
        "transactions_transac_initiator_id_2ae15e40_fk_wallets_u",
        "an initiator who does not exist",
        lambda b: b.rows_sql(
            [Row(b.new, "transfer", 5, b.alice, b.bob, status="failed", failure="wallet_frozen", initiator=_UNKNOWN)]
        ),
    ),
    Attack(
        "transactions_transaction_pkey",
        "an id that is taken",
        lambda b: b.rows_sql([Row(b.pending, "transfer", 5, b.alice, b.bob, status="pending", settled=False)]),
    ),
    Attack(
        "transaction_one_per_idempotency_key",
        "an idempotency key that is taken",
        lambda b: b.rows_sql([Row(b.new, "transfer", 5, b.alice, b.bob, status="pending", settled=False, key="k-1")]),
    ),
    Attack(
        "transaction_pending_has_job",
        "accepted, but not queued",
        lambda b: b.rows_sql([Row(b.new, "transfer", 5, b.alice, b.bob, status="pending", settled=False)]),
    ),
    Attack(
        "transaction_posted_has_entries",
        "somebody else's entries",
        lambda b: b.posting(
            rows=[Row(b.new, "transfer", 40, b.alice, b.bob)],
            sides=[Side(b.pending, b.alice, -5, 3, 55), Side(b.pending, b.bob, 5, 2, 45)],
        ),
        without=[("transactions_entry", "entry_books_balance")],
    ),
]

FUNDED = [
    Attack(
        "transaction_deposit_is_funded",
        f"money that an owner makes for herself, where {mode or 'nothing'} is in force",
        lambda b, mode=mode: (  # type: ignore[misc]
            f"SET LOCAL wallet.funding = '{mode}'; "
            + b.posting(
                wallets=[WalletRow(b.alice, 110, 3)],
                rows=[Row(b.new, "deposit", 50, destination=b.alice)],
                sides=[Side(b.new, USD, -50), Side(b.new, b.alice, 50, 3, 110)],
            )
        ),
    )
    for mode in ("", "staff", "provider")
]

TRANSACTION_ATTACKS = [*FINAL, *POSTED, *GONE, *SHAPE, *FUNDED]
