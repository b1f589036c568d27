"""Attacks: entries that would create or lose money."""

from tests.ledger.raw import EUR, USD, Attack, Row, Side, WalletRow

_UNKNOWN = 5_000

SUM = [
    Attack(
        "entry_sum_is_zero",
        "money from nowhere",
        lambda b: b.posting(
            wallets=[WalletRow(b.bob, 90, 2)],
            rows=[Row(b.new, "deposit", 50, destination=b.bob)],
            sides=[Side(b.new, b.bob, 50, 2, 90)],
        ),
    ),
    Attack(
        "entry_sum_is_zero",
        "money to nowhere",
        lambda b: b.posting(rows=[Row(b.new, "deposit", 50, destination=b.bob)], sides=[Side(b.new, USD, -50)]),
    ),
    Attack(
        "entry_sum_is_zero",
        "more arrives than left",
        lambda b: b.posting(
            wallets=[WalletRow(b.bob, 90, 2)],
            rows=[Row(b.new, "deposit", 50, destination=b.bob)],
            sides=[Side(b.new, USD, -49), Side(b.new, b.bob, 50, 2, 90)],
        ),
    ),
    Attack(
        "entry_sum_is_zero",
        "three sides, although they cancel out",
        lambda b: b.posting(
            wallets=[WalletRow(b.alice, 50, 3), WalletRow(b.bob, 45, 2), WalletRow(b.charlie, 5, 1)],
            rows=[Row(b.new, "transfer", 10, b.alice, b.bob)],
            sides=[
                Side(b.new, b.alice, -10, 3, 50),
                Side(b.new, b.bob, 5, 2, 45),
                Side(b.new, b.charlie, 5, 1, 5),
            ],
        ),
    ),
    Attack(
        "entry_sum_is_zero",
        "two wrong transactions that cancel each other out",
        lambda b: b.posting(
            wallets=[WalletRow(b.bob, 90, 2), WalletRow(b.charlie, 49, 1)],
            rows=[
                Row(b.new, "deposit", 50, destination=b.bob),
                Row(b.newer, "deposit", 50, destination=b.charlie),
            ],
            sides=[
                Side(b.new, USD, -49),
                Side(b.new, b.bob, 50, 2, 90),
                Side(b.newer, USD, -50),
                Side(b.newer, b.charlie, 49, 1, 49),
            ],
        ),
    ),
]

FIT = [
    Attack(
        "entry_fits_transaction",
        "entries of no transaction",
        lambda b: b.posting(
            wallets=[WalletRow(b.bob, 90, 2)], sides=[Side(b.new, USD, -50), Side(b.new, b.bob, 50, 2, 90)]
        ),
    ),
    Attack(
        "entry_fits_transaction",
        "entries of no transaction between two outside worlds",
        lambda b: b.posting(sides=[Side(b.new, USD, -50), Side(b.new, EUR, 50)]),
    ),
    Attack(
        "entry_fits_transaction",
        "entries at no wallet",
        lambda b: b.posting(
            rows=[Row(b.new, "deposit", 50, destination=b.bob)],
            sides=[Side(b.new, USD, -50), Side(b.new, _UNKNOWN, 50, 1, 50)],
        ),
    ),
    *(
        Attack(
            "entry_fits_transaction",
            f"entries of a {status} transaction",
            lambda b, status=status: b.posting(  # type: ignore[misc]
                wallets=[WalletRow(b.alice, 55, 3), WalletRow(b.bob, 45, 2)],
                sides=[
                    Side(getattr(b, status), b.alice, -5, 3, 55),
                    Side(getattr(b, status), b.bob, 5, 2, 45),
                ],
            ),
        )
        for status in ("pending", "failed")
    ),
    Attack(
        "entry_fits_transaction",
        "Bob's money lands at Charlie",
        lambda b: b.posting(
            wallets=[WalletRow(b.charlie, 50, 1)],
            rows=[Row(b.new, "deposit", 50, destination=b.bob)],
            sides=[Side(b.new, USD, -50), Side(b.new, b.charlie, 50, 1, 50)],
        ),
    ),
    Attack(
        "entry_fits_transaction",
        "Charlie pays for Alice",
        lambda b: b.posting(
            wallets=[WalletRow(b.bob, 30, 2), WalletRow(b.charlie, 10, 1)],
            rows=[Row(b.new, "transfer", 10, b.alice, b.charlie)],
            sides=[Side(b.new, b.bob, -10, 2, 30), Side(b.new, b.charlie, 10, 1, 10)],
        ),
    ),
    Attack(
        "entry_fits_transaction",
        "a deposit that Alice pays for",
        lambda b: b.posting(
            wallets=[WalletRow(b.alice, 10, 3), WalletRow(b.bob, 90, 2)],
            rows=[Row(b.new, "deposit", 50, destination=b.bob)],
            sides=[Side(b.new, b.alice, -50, 3, 10), Side(b.new, b.bob, 50, 2, 90)],
        ),
    ),
    Attack(
        "entry_fits_transaction",
        "a withdrawal that Charlie receives",
        lambda b: b.posting(
            wallets=[WalletRow(b.alice, 10, 3), WalletRow(b.charlie, 50, 1)],
            rows=[Row(b.new, "withdrawal", 50, b.alice)],
            sides=[Side(b.new, b.alice, -50, 3, 10), Side(b.new, b.charlie, 50, 1, 50)],
        ),
    ),
    Attack(
        "entry_fits_transaction",
        "another amount than the transaction's",
        lambda b: b.posting(
            wallets=[WalletRow(b.bob, 100, 2)],
            rows=[Row(b.new, "deposit", 50, destination=b.bob)],
            sides=[Side(b.new, USD, -60), Side(b.new, b.bob, 60, 2, 100)],
        ),
    ),
    Attack(
        "entry_fits_transaction",
        "a transfer that runs backwards",
        lambda b: b.posting(
            wallets=[WalletRow(b.alice, 70, 3), WalletRow(b.bob, 30, 2)],
            rows=[Row(b.new, "transfer", 10, b.alice, b.bob)],
            sides=[Side(b.new, b.alice, 10, 3, 70), Side(b.new, b.bob, -10, 2, 30)],
        ),
    ),
    Attack(
        "entry_fits_transaction",
        "a withdrawal that pays in",
        lambda b: b.posting(
            wallets=[WalletRow(b.alice, 70, 3)],
            rows=[Row(b.new, "withdrawal", 10, b.alice)],
            sides=[Side(b.new, b.alice, 10, 3, 70), Side(b.new, USD, -10)],
        ),
    ),
    Attack(
        "entry_fits_transaction",
        "a transfer paid for by the outside world",
        lambda b: b.posting(
            wallets=[WalletRow(b.bob, 50, 2)],
            rows=[Row(b.new, "transfer", 10, b.alice, b.bob)],
            sides=[Side(b.new, USD, -10), Side(b.new, b.bob, 10, 2, 50)],
        ),
    ),
    Attack(
        "entry_fits_transaction",
        "dollars paid in from the outside world's euros",
        lambda b: b.posting(
            wallets=[WalletRow(b.bob, 90, 2)],
            rows=[Row(b.new, "deposit", 50, destination=b.bob)],
            sides=[Side(b.new, EUR, -50), Side(b.new, b.bob, 50, 2, 90)],
        ),
    ),
    Attack(
        "entry_fits_transaction",
        "euros paid into a wallet of dollars",
        lambda b: b.posting(
            wallets=[WalletRow(b.bob, 90, 2)],
            rows=[Row(b.new, "deposit", 50, destination=b.bob, currency="EUR")],
            sides=[Side(b.new, EUR, -50), Side(b.new, b.bob, 50, 2, 90)],
        ),
    ),
    Attack(
        "entry_fits_transaction",
        "dollars that become euros on the way",
        lambda b: b.posting(
            wallets=[WalletRow(b.alice, 50, 3), WalletRow(b.euros, 10, 1)],
            rows=[Row(b.new, "transfer", 10, b.alice, b.euros)],
            sides=[Side(b.new, b.alice, -10, 3, 50), Side(b.new, b.euros, 10, 1, 10)],
        ),
    ),
]

ENTRY_ATTACKS = [*SUM, *FIT]
