"""The audit finds and names every way in which books can be wrong."""

from dataclasses import dataclass

import pytest

from tests.audit.books import Books, books_spoil
from transactions.audit import FINDINGS_NAMED_MAX, books_audit


@dataclass(frozen=True, slots=True)
class Corruption:
    """SQL that corrupts the books, with their ids as placeholders, and the finding that the audit must name."""

    name: str
    sql: str
    finding: str
    dropped: str = ""


CORRUPTIONS = [
    Corruption(
        "half_a_transaction",
        "DELETE FROM transactions_entry WHERE transaction_id = {transfer} AND wallet_id = {bob}",
        "transaction {transfer}: has 1 entries instead of 2; its entries sum to -2500 instead of 0",
    ),
    Corruption(
        "posted_without_entries",
        "DELETE FROM transactions_entry WHERE transaction_id = {transfer}",
        "transaction {transfer}: is posted without entries",
    ),
    Corruption(
        "pending_with_entries",
        "UPDATE transactions_transaction SET status = 'pending', settled_at = NULL WHERE id = {transfer}",
        "transaction {transfer}: is pending but has entries",
    ),
    Corruption(
        "failed_with_entries",
        "UPDATE transactions_transaction SET status = 'failed', failure_code = 'x' WHERE id = {transfer}",
        "transaction {transfer}: is failed but has entries",
    ),
    Corruption(
        "a_cent_too_much",
        "UPDATE transactions_entry SET amount = 2501 WHERE transaction_id = {transfer} AND wallet_id = {bob}",
        "transaction {transfer}: its entries sum to 1 instead of 0",
    ),
    Corruption(
        "both_sides_of_another_amount",
        "UPDATE transactions_entry SET amount = sign(amount) * 2400 WHERE transaction_id = {transfer}",
        "transaction {transfer}: its entries are at other wallets or of another amount",
    ),
    Corruption(
        "sides_swapped",
        "UPDATE transactions_entry SET amount = -amount WHERE transaction_id = {transfer}",
        "transaction {transfer}: its entries are at other wallets or of another amount",
    ),
    Corruption(
        "another_recipient",
        "UPDATE transactions_entry SET wallet_id = {charlie} WHERE transaction_id = {transfer} AND wallet_id = {bob}",
        "transaction {transfer}: its entries are at other wallets or of another amount",
    ),
    Corruption(
        "four_entries",
        "INSERT INTO transactions_entry (transaction_id, wallet_id, sequence, amount, balance_after, created_at) "
        "VALUES ({transfer}, 840, NULL, -1, NULL, now()), ({transfer}, {charlie}, 1, 1, 1, now())",
        "transaction {transfer}: has 4 entries instead of 2",
    ),
    Corruption(
        "another_currency",
        "UPDATE transactions_transaction SET currency = 'EUR' WHERE id = {transfer}",
        "transaction {transfer}: its source does not hold EUR; its destination does not hold EUR",
    ),
    Corruption(
        "no_such_transaction",
        "DELETE FROM transactions_transaction WHERE id = {transfer}",
        "transaction {transfer}: has entries but does not exist",
    ),
    Corruption(
        "moves_less_than_nothing",
        "UPDATE transactions_transaction SET amount = -2500 WHERE id = {transfer}",
        "transaction {transfer}: moves -2500",
        dropped="transaction_amount_range",
    ),
    Corruption(
        "a_richer_wallet",
        "UPDATE wallets_wallet SET balance = 7001 WHERE id = {alice}",
        "wallet {alice}: its balance is 7001, its entries sum to 7000; its balance is 7001, its last entry left 7000",
    ),
    Corruption(
        "an_empty_wallet_with_money",
        "UPDATE wallets_wallet SET balance = 1 WHERE id = {charlie}",
        "wallet {charlie}: its balance is 1, its entries sum to 0; its balance is 1, its last entry left 0",
    ),
    Corruption(
        "a_wrong_version",
        "UPDATE wallets_wallet SET version = 4 WHERE id = {alice}",
        "wallet {alice}: its version is 4, it has 3 entries; its version is 4, its last sequence 3",
    ),
    Corruption(
        "a_gap_in_the_sequence",
        "UPDATE transactions_entry SET sequence = 4 WHERE wallet_id = {alice} AND sequence = 3",
        "wallet {alice}: its version is 3, its last sequence 4; its sequence is broken at entry 3",
    ),
    Corruption(
        "one_sequence_twice",
        "UPDATE transactions_entry SET sequence = 2 WHERE wallet_id = {alice} AND sequence = 3",
        "its sequence is broken at entry 3",
        dropped="entry_one_per_sequence",
    ),
    Corruption(
        "a_missing_entry_in_the_middle",
        "DELETE FROM transactions_entry WHERE wallet_id = {alice} AND sequence = 2",
        "its sequence is broken at entry 2; its balances do not add up at entry 2",
    ),
    Corruption(
        "a_broken_chain",
        "UPDATE transactions_entry SET balance_after = 7400 WHERE wallet_id = {alice} AND sequence = 2",
        "wallet {alice}: its balances do not add up at entry 2",
    ),
    Corruption(
        "a_first_balance_that_is_too_high",
        "UPDATE transactions_entry SET balance_after = balance_after + 1 WHERE wallet_id = {bob}",
        "wallet {bob}: its balance is 2500, its last entry left 2501; its balances do not add up at entry 1",
    ),
    Corruption(
        "a_negative_entry",
        "UPDATE transactions_entry SET balance_after = -1 WHERE wallet_id = {alice} AND sequence = 2",
        "its balance is negative at entry 2",
        dropped="entry_carries_balance_unless_outside",
    ),
    Corruption(
        "a_negative_wallet",
        "UPDATE wallets_wallet SET balance = -1 WHERE id = {charlie}",
        "wallet {charlie}: its balance is -1",
        dropped="wallet_balance_range",
    ),
    Corruption(
        "time_that_goes_back",
        "UPDATE transactions_entry SET created_at = created_at - interval '1 day' "
        "WHERE wallet_id = {alice} AND sequence = 2",
        "wallet {alice}: its time goes back at entry 2",
    ),
    Corruption(
        "an_outside_wallet_with_a_balance",
        "UPDATE wallets_wallet SET balance = 5, version = 1 WHERE id = 840",
        "wallet 840: is outside but open, of version 1 and balance 5",
        dropped="wallet_outside_carries_nothing",
    ),
    Corruption(
        "an_outside_entry_with_a_balance",
        "UPDATE transactions_entry SET balance_after = 0 WHERE wallet_id = 840 AND transaction_id = {deposit}",
        "wallet 840: is outside but 1 of its entries carry a balance",
        dropped="entry_carries_balance_unless_outside",
    ),
    Corruption(
        "no_such_wallet",
        "DELETE FROM wallets_wallet WHERE id = {bob}",
        "wallet {bob}: has entries but does not exist",
    ),
    Corruption(
        "a_wallet_without_an_owner",
        "UPDATE wallets_wallet SET owner_id = NULL, currency = 'EUR' WHERE id = {charlie}",
        "wallet {charlie}: its owner does not fit its id",
        dropped="wallet_id_tells_outside",
    ),
    Corruption(
        "money_out_of_thin_air",
        "UPDATE wallets_wallet SET balance = balance + 1 WHERE id = {bob}",
        "currency USD: its wallets hold 9501, but 9500 came in from outside",
    ),
    Corruption(
        "a_lost_entry_of_a_currency",
        "DELETE FROM transactions_entry WHERE wallet_id = 840 AND transaction_id = {deposit}",
        "currency USD: all its entries sum to 10000 instead of 0; its wallets hold 9500, but -500 came in from outside",
    ),
]


def test_correct_books_have_no_findings(books: Books) -> None:
    audit = books_audit()

    assert audit.clean
    assert audit.findings == []
    assert audit.transactions == {"pending": 0, "posted": 3, "failed": 0}
    assert audit.entry_count == 6
    assert audit.wallet_count == 4
    (dollars,) = audit.currencies
    assert (dollars.currency, dollars.held, dollars.outside, dollars.entries_total) == ("USD", 95_00, -95_00, 0)


@pytest.mark.django_db
def test_empty_books_have_no_findings() -> None:
    audit = books_audit()

    assert audit.clean
    assert audit.entry_count == 0


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda corruption: corruption.name)
def test_it_finds_and_names_the_fault(corruption: Corruption, books: Books) -> None:
    ids = {name: getattr(books, name) for name in books.__slots__}
    books_spoil(corruption.sql.format(**ids), dropped=corruption.dropped)

    audit = books_audit()

    assert not audit.clean
    assert audit.finding_count == len(audit.findings)
    named = [f"{finding.subject}: {finding.problem}" for finding in audit.findings]
    assert any(corruption.finding.format(**ids) in line for line in named), named


def test_it_counts_all_findings_and_names_the_first_ones(books: Books) -> None:
    books_spoil(
        f"""INSERT INTO transactions_transaction (id, kind, status, currency, amount, destination_id, memo,
            initiator_id, created_at, settled_at, failure_code)
        SELECT number, 'deposit', 'posted', 'USD', 1, {books.bob}, '', 1, now(), now(), ''
        FROM generate_series(1, {FINDINGS_NAMED_MAX + 20}) AS number"""
    )

    audit = books_audit()

    assert audit.finding_count == FINDINGS_NAMED_MAX + 20
    assert [finding.subject for finding in audit.findings] == [
        f"transaction {n}" for n in range(1, FINDINGS_NAMED_MAX + 1)
    ]
