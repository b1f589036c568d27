"""Attacks: entries that break a wallet's chain, have the wrong columns, or are changed or deleted."""

from tests.ledger.raw import USD, Attack, Row, Side, WalletRow
from wallets.domain.money import AMOUNT_MAX, BALANCE_MAX


def _chain(title: str, wallet: str, amount: int, sequence: int, balance: int, age_s: int = 0) -> Attack:
    """A deposit in which only the wallet's entry is wrong: its sequence, balance or time."""
    return Attack(
        "entry_continues_chain",
        title,
        lambda b: b.posting(
            wallets=[WalletRow(getattr(b, wallet), balance, sequence)],
            rows=[Row(b.new, "deposit", amount, destination=getattr(b, wallet))],
            sides=[Side(b.new, USD, -amount), Side(b.new, getattr(b, wallet), amount, sequence, balance, age_s)],
        ),
    )


CHAIN = [
    _chain("a gap in the sequence", "bob", 50, 3, 90),
    _chain("a balance one cent too high", "bob", 50, 2, 91),
    _chain("a balance one cent too low", "bob", 50, 2, 89),
    _chain("a balance that ignores the one before", "bob", 50, 2, 50),
    _chain("a first entry that is the second", "charlie", 50, 2, 50),
    _chain("a first entry that brings more than its amount", "charlie", 50, 1, 51),
    _chain("an entry older than the one before", "bob", 50, 2, 90, age_s=3_600),
    Attack(
        "entry_reaches_wallet",
        "entries without an update of the balance",
        lambda b: b.posting(
            rows=[Row(b.new, "deposit", 50, destination=b.bob)],
            sides=[Side(b.new, USD, -50), Side(b.new, b.bob, 50, 2, 90)],
        ),
    ),
    Attack(
        "entry_reaches_wallet",
        "a transfer that updates only the source's balance",
        lambda b: b.posting(
            wallets=[WalletRow(b.alice, 50, 3)],
            rows=[Row(b.new, "transfer", 10, b.alice, b.bob)],
            sides=[Side(b.new, b.alice, -10, 3, 50), Side(b.new, b.bob, 10, 2, 50)],
        ),
    ),
    Attack(
        "entry_one_per_sequence",
        "a second entry with the same sequence",
        lambda b: b.posting(
            rows=[Row(b.new, "deposit", 40, destination=b.bob)],
            sides=[Side(b.new, USD, -40), Side(b.new, b.bob, 40, 1, 40)],
        ),
    ),
    Attack(
        "entry_one_per_side",
        "a transaction that touches one wallet twice",
        lambda b: b.posting(
            wallets=[WalletRow(b.alice, 60, 4)],
            rows=[Row(b.new, "transfer", 10, b.alice, b.bob)],
            sides=[Side(b.new, b.alice, -10, 3, 50), Side(b.new, b.alice, 10, 4, 60)],
        ),
    ),
    Attack(
        "entry_one_per_side",
        "a transaction posted a second time",
        lambda b: b.posting(
            wallets=[WalletRow(b.alice, 20, 3), WalletRow(b.bob, 80, 2)],
            sides=[Side(b.transfer, b.alice, -40, 3, 20), Side(b.transfer, b.bob, 40, 2, 80)],
        ),
    ),
    Attack(
        "transactions_entry_pkey", "copies", lambda b: "INSERT INTO transactions_entry SELECT * FROM transactions_entry"
    ),
]


def _shape(title: str, outside: tuple[int | None, int | None], bob: tuple[int | None, int | None]) -> Attack:
    """A deposit whose entries have these (sequence, balance_after)."""
    return Attack(
        "entry_carries_balance_unless_outside",
        title,
        lambda b: b.posting(
            rows=[Row(b.new, "deposit", 50, destination=b.bob)],
            sides=[Side(b.new, USD, -50, *outside), Side(b.new, b.bob, 50, *bob)],
        ),
    )


def _amount(title: str, amount: int) -> Attack:
    return Attack(
        "entry_amount_range",
        title,
        lambda b: b.posting(
            rows=[Row(b.new, "deposit", 50, destination=b.bob)],
            sides=[Side(b.new, USD, -amount), Side(b.new, b.bob, amount, 2, 40)],
        ),
    )


SHAPE = [
    _shape("an outside entry with a sequence", (1, None), (2, 90)),
    _shape("an outside entry with a balance", (None, 0), (2, 90)),
    _shape("a wallet's entry without a sequence and a balance", (None, None), (None, None)),
    _shape("a wallet's entry without a sequence", (None, None), (None, 90)),
    _shape("a wallet's entry without a balance", (None, None), (2, None)),
    _shape("a wallet's entry with the sequence zero", (None, None), (0, 90)),
    _shape("a balance below zero", (None, None), (2, -1)),
    _shape("a balance above the maximum", (None, None), (2, BALANCE_MAX + 1)),
    Attack(
        "entry_carries_balance_unless_outside",
        "money that vanishes behind an entry without a balance",
        lambda b: b.posting(
            wallets=[WalletRow(b.bob, 10, 3)],
            rows=[Row(b.new, "deposit", 50, destination=b.bob), Row(b.newer, "deposit", 10, destination=b.bob)],
            sides=[
                Side(b.new, USD, -50),
                Side(b.new, b.bob, 50, 2, None),
                Side(b.newer, USD, -10),
                Side(b.newer, b.bob, 10, 3, 10),
            ],
        ),
    ),
    _amount("an amount of zero", 0),
    _amount("an amount above the maximum", AMOUNT_MAX + 1),
    _amount("an amount below the minimum", -AMOUNT_MAX - 1),
]

REWRITE = [
    *(
        Attack("entry_append_only", title, lambda b, sql=sql: sql)  # type: ignore[misc]
        for title, sql in {
            "another amount": "UPDATE transactions_entry SET amount = amount + 1",
            "another time": "UPDATE transactions_entry SET created_at = now()",
            "a change that changes nothing": "UPDATE transactions_entry SET amount = amount",
            "a change of no row": "UPDATE transactions_entry SET amount = amount WHERE false",
            "a deleted entry": "DELETE FROM transactions_entry WHERE sequence = 2",
            "all entries deleted": "DELETE FROM transactions_entry",
            "an upsert": """INSERT INTO transactions_entry SELECT * FROM transactions_entry
                ON CONFLICT (id) DO UPDATE SET amount = excluded.amount""",
            "a merge": """MERGE INTO transactions_entry AS e USING transactions_entry AS o ON e.id = o.id
                WHEN MATCHED THEN DELETE""",
        }.items()
    ),
    Attack("entry_no_truncate", "all entries at once", lambda b: "TRUNCATE transactions_entry"),
]

CHAIN_ATTACKS = [*CHAIN, *SHAPE, *REWRITE]
