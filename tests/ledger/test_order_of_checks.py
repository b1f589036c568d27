"""A command that breaks several rules is always refused for the first of them.

Every rule is broken alone, and then together with every later one that can be broken at the same time.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import combinations, pairwise

import pytest

from tests.people import balance_of, deposit, person, status_set, wallet_of
from transactions.ledger.commands import Command
from transactions.ledger.post import post
from transactions.models import Entry, Kind, Transaction
from wallets.domain.errors import ErrorCode
from wallets.domain.limits import MEMO_LENGTH_MAX
from wallets.domain.money import AMOUNT_MAX, BALANCE_MAX
from wallets.models import WalletStatus
from wallets.spending import limits_set

pytestmark = pytest.mark.django_db

_KEY = "key-1"
_NOBODYS_ID = 4_711_000


@dataclass(frozen=True, slots=True)
class Case:
    """A valid transfer from Alice to Bob."""

    kind: Kind = Kind.TRANSFER
    amount: int = 100
    memo: str = ""
    key: str | None = None
    same_wallet: bool = False
    source_exists: bool = True
    source_status: WalletStatus = WalletStatus.OPEN
    source_balance: int = 100
    source_limit: int | None = None
    destination_exists: bool = True
    destination_currency: str = "USD"
    destination_status: WalletStatus = WalletStatus.OPEN
    destination_balance: int = 0


@dataclass(frozen=True, slots=True)
class Breach:
    """A broken rule: the changes to the case that break it, the fields that these fix, and the code of the refusal."""

    title: str
    code: ErrorCode
    detail: str
    breaks: Callable[[Case], Case]
    touches: frozenset[str] = field(default_factory=frozenset)

    def __str__(self) -> str:
        return self.title


def _breach(title: str, code: ErrorCode, detail: str, /, also: str = "", **changes: object) -> Breach:
    return Breach(title, code, detail, lambda case: replace(case, **changes), frozenset([*changes, *also.split()]))  # type: ignore[arg-type]


_ALL_OF_SOURCE = "source_status source_balance source_limit"
_ALL_OF_DESTINATION = "destination_currency destination_status destination_balance"

#: The same words in every case: they reveal nothing about somebody else's wallet.
_NEUTRAL = r"^The recipient cannot receive this transfer\.$"

#: In the order of the checks.
BREACHES = [
    _breach("amount", ErrorCode.MALFORMED, "An amount is", amount=AMOUNT_MAX + 1),
    _breach("memo", ErrorCode.MALFORMED, "A memo has", memo="x" * (MEMO_LENGTH_MAX + 1)),
    _breach("key", ErrorCode.MALFORMED, "An idempotency key has", key="two words"),
    _breach("sides", ErrorCode.MALFORMED, "A deposit does not have these sides", kind=Kind.DEPOSIT),
    _breach(
        "same wallet",
        ErrorCode.SAME_WALLET,
        "to itself",
        also=f"destination_exists {_ALL_OF_DESTINATION}",
        same_wallet=True,
    ),
    _breach("key reused", ErrorCode.IDEMPOTENCY_KEY_REUSED, "with a different", key=_KEY),
    _breach("source missing", ErrorCode.NOT_FOUND, "The source wallet", also=_ALL_OF_SOURCE, source_exists=False),
    _breach(
        "destination missing",
        ErrorCode.NOT_FOUND,
        "The destination wallet",
        also=_ALL_OF_DESTINATION,
        destination_exists=False,
    ),
    _breach("currencies", ErrorCode.CURRENCY_MISMATCH, "The source holds USD", destination_currency="EUR"),
    _breach(
        "source closed", ErrorCode.WALLET_CLOSED, "The source", source_status=WalletStatus.CLOSED, source_balance=0
    ),
    _breach("source frozen", ErrorCode.WALLET_FROZEN, "The source", source_status=WalletStatus.FROZEN),
    _breach("limit", ErrorCode.SPENDING_LIMIT_EXCEEDED, r"limit per payment is \$0\.99", source_limit=99),
    _breach("funds", ErrorCode.INSUFFICIENT_FUNDS, r"holds \$0\.99; \$1\.00 is needed", source_balance=99),
    _breach(
        "destination closed",
        ErrorCode.RECIPIENT_CANNOT_RECEIVE,
        _NEUTRAL,
        also="destination_balance",
        destination_status=WalletStatus.CLOSED,
    ),
    _breach(
        "destination frozen",
        ErrorCode.RECIPIENT_CANNOT_RECEIVE,
        _NEUTRAL,
        destination_status=WalletStatus.FROZEN,
    ),
    _breach("destination full", ErrorCode.RECIPIENT_CANNOT_RECEIVE, _NEUTRAL, destination_balance=BALANCE_MAX - 99),
]
PAIRS = [(first, second) for first, second in combinations(BREACHES, 2) if not first.touches & second.touches]


def command_of(case: Case) -> Command:
    """Puts the wallets into the case's state, and posts its command."""
    alice, bob = person("alice"), person("bob")
    source, destination = wallet_of(alice), wallet_of(bob, case.destination_currency)
    if case.key == _KEY:
        deposit(source, 1)
        used = Command(kind=Kind.WITHDRAWAL, amount=1, source_id=source.id, initiator_id=alice.pk, idempotency_key=_KEY)
        assert post([used])[0].transaction
    deposit(source, case.source_balance)
    deposit(destination, case.destination_balance)
    limits_set(owner=alice, wallet_id=source.id, per_payment=case.source_limit, per_day=None)
    status_set(source, case.source_status)
    status_set(destination, case.destination_status)
    source_id = source.id if case.source_exists else _NOBODYS_ID
    destination_id = destination.id if case.destination_exists else _NOBODYS_ID + 1
    return Command(
        kind=case.kind,
        amount=case.amount,
        memo=case.memo,
        source_id=source_id,
        destination_id=source_id if case.same_wallet else destination_id,
        initiator_id=alice.pk,
        idempotency_key=case.key,
    )


def assert_refused_for(breach: Breach, case: Case) -> None:
    command = command_of(case)
    before = list(Transaction.objects.values_list("id")), list(Entry.objects.values_list())
    (outcome,) = post([command])
    assert outcome.transaction is None
    assert outcome.error is not None
    assert outcome.error.code == breach.code
    assert re.search(breach.detail, outcome.error.detail)
    assert (list(Transaction.objects.values_list("id")), list(Entry.objects.values_list())) == before


def test_a_valid_case_is_posted() -> None:
    command = command_of(Case())
    (outcome,) = post([command])
    assert outcome.error is None
    assert outcome.transaction is not None


@pytest.mark.parametrize("breach", BREACHES, ids=str)
def test_every_rule_refuses(breach: Breach) -> None:
    assert_refused_for(breach, breach.breaks(Case()))


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=str)
def test_the_first_broken_rule_refuses(first: Breach, second: Breach) -> None:
    assert_refused_for(first, second.breaks(first.breaks(Case())))


@pytest.mark.parametrize(
    ("status", "balance", "code"),
    [
        (WalletStatus.CLOSED, 0, ErrorCode.WALLET_CLOSED),
        (WalletStatus.FROZEN, BALANCE_MAX, ErrorCode.WALLET_FROZEN),
        (WalletStatus.OPEN, BALANCE_MAX - 99, ErrorCode.BALANCE_LIMIT_EXCEEDED),
    ],
)
def test_a_deposit_says_what_is_wrong_with_the_callers_own_wallet(
    status: WalletStatus, balance: int, code: ErrorCode
) -> None:
    transfer = command_of(Case(destination_status=status, destination_balance=balance))
    (outcome,) = post([replace(transfer, kind=Kind.DEPOSIT, source_id=None)])
    assert outcome.error is not None
    assert outcome.error.code == code


def test_all_neighbouring_rules_that_can_be_broken_together_are_compared() -> None:
    neighbours = list(pairwise(BREACHES))
    never_together = {(first.title, second.title) for first, second in neighbours if (first, second) not in PAIRS}
    assert never_together == {
        ("destination missing", "currencies"),
        ("source closed", "source frozen"),
        ("destination closed", "destination frozen"),
    }


def test_the_catalogue_lists_the_codes_about_money_in_the_order_of_the_checks() -> None:
    """MALFORMED and NOT_FOUND come first in the catalogue: entry points raise them before they call the ledger."""
    checked = list(dict.fromkeys(breach.code for breach in BREACHES))
    about_money = [code for code in checked if code not in {ErrorCode.MALFORMED, ErrorCode.NOT_FOUND}]
    assert [code for code in ErrorCode if code in about_money] == about_money


@pytest.mark.parametrize("amount", [0, -1, -100, AMOUNT_MAX + 1, 2**63, -(2**63)])
def test_an_amount_out_of_range_is_malformed(amount: int) -> None:
    assert_refused_for(BREACHES[0], Case(amount=amount))


@pytest.mark.parametrize("memo", ["x" * (MEMO_LENGTH_MAX + 1), "a\0b", "\ud800", "ok\udfff"])
def test_a_memo_that_cannot_be_stored_is_malformed(memo: str) -> None:
    assert_refused_for(BREACHES[1], Case(memo=memo))


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "schlüssel", "tab\t", "nul\0", "line\n", "\x7f"])
def test_a_key_of_anything_but_visible_ascii_is_malformed(key: str) -> None:
    assert_refused_for(BREACHES[2], Case(key=key))


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("has_source", [True, False])
@pytest.mark.parametrize("has_destination", [True, False])
def test_each_kind_has_its_own_sides(kind: Kind, has_source: bool, has_destination: bool) -> None:
    whole = command_of(Case())
    command = replace(
        whole,
        kind=kind,
        source_id=whole.source_id if has_source else None,
        destination_id=whole.destination_id if has_destination else None,
    )
    (outcome,) = post([command])
    fits = {Kind.DEPOSIT: (False, True), Kind.WITHDRAWAL: (True, False), Kind.TRANSFER: (True, True)}
    if fits[kind] == (has_source, has_destination):
        assert outcome.transaction is not None
        return
    assert outcome.error is not None
    assert (outcome.error.code, set(outcome.error.fields)) == (ErrorCode.MALFORMED, {"kind"})


@pytest.mark.parametrize("wallet_id", [840, 978, 0, -1, 1, 2**63 - 1, 2**63, 2**80])
def test_outside_wallets_and_missing_wallets_are_not_found(wallet_id: int) -> None:
    command = command_of(Case())
    (paid,) = post([replace(command, destination_id=wallet_id)])
    assert paid.error is not None
    assert paid.error.code == ErrorCode.NOT_FOUND
    (taken,) = post([replace(command, source_id=wallet_id)])
    assert taken.error is not None
    assert taken.error.code == ErrorCode.NOT_FOUND


def test_the_whole_balance_can_be_sent_and_the_maximum_balance_reached() -> None:
    command = command_of(Case(destination_balance=BALANCE_MAX - 100))
    (outcome,) = post([command])
    assert outcome.transaction is not None
    source, destination = outcome.transaction.source, outcome.transaction.destination
    assert source is not None
    assert destination is not None
    assert (balance_of(source), balance_of(destination)) == (0, BALANCE_MAX)
