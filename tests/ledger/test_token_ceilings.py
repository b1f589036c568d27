"""What counts against a token's ceilings, and when a new day begins."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import ProgrammingError
from django.test.utils import CaptureQueriesContext

from tests.database import acting_as, acting_as_owner
from tests.people import funded, person, wallet_of
from tests.settlement.transfers import drain_all
from transactions.models import Status, Transaction
from transactions.recipients import TransferRequest
from transactions.services import Receipt, deposit_create, transfer_create, transfers_submit, withdrawal_create
from wallet_project.embedded import RUNTIME_ROLE, WEB_ROLE
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.mandates import OWNER, Ceiling, Mandate, Scope
from wallets.models import User, Wallet
from wallets.models.tokens import TokenCeiling
from wallets.services import wallet_open
from wallets.tokens.ceilings import ceilings_lock
from wallets.tokens.services import token_issue, token_revoke

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _sites_role(transactional_db: None) -> Iterator[None]:
    """Guards and rights are those of the site's processes."""
    with acting_as(RUNTIME_ROLE):
        yield


@pytest.fixture
def alice_wallet() -> Wallet:
    return funded("alice", 10_000)


@pytest.fixture
def owner(alice_wallet: Wallet) -> User:
    assert alice_wallet.owner
    return alice_wallet.owner


def mandate_of(user: User, *ceilings: Ceiling) -> Mandate:
    token, _ = token_issue(user=user, name="till", ceilings=ceilings)
    return Mandate(scopes=frozenset(Scope), ceilings_of=token.digest if ceilings else None)


def usd(*, per_payment: int | None = None, per_day: int | None = None) -> Ceiling:
    return Ceiling(currency="USD", per_payment=per_payment, per_day=per_day)


def withdraw(wallet: Wallet, amount: int, mandate: Mandate, *, key: str | None = None) -> Receipt:
    assert wallet.owner
    return withdrawal_create(
        actor=wallet.owner, wallet_id=wallet.pk, amount=amount, idempotency_key=key, mandate=mandate
    )


def refusal(wallet: Wallet, amount: int, mandate: Mandate) -> WalletError:
    with pytest.raises(WalletError) as refused:
        withdraw(wallet, amount, mandate)
    return refused.value


def spent() -> int:
    return TokenCeiling.objects.get().spent


def day_move(days: int) -> None:
    """Makes the day of what is spent an earlier one, as time would."""
    with acting_as_owner(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE wallets_tokenceiling DISABLE TRIGGER USER")
        cursor.execute("UPDATE wallets_tokenceiling SET day = day - %s", [days])
        cursor.execute("ALTER TABLE wallets_tokenceiling ENABLE TRIGGER USER")


def test_a_refusal_says_the_ceiling_what_is_left_and_when_it_renews(alice_wallet: Wallet, owner: User) -> None:
    mandate = mandate_of(owner, usd(per_payment=5_000, per_day=8_000))
    withdraw(alice_wallet, 4_000, mandate)

    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    day = f"This token may pay at most $80.00 a day. $40.00 is left until {tomorrow} 00:00 UTC."
    error = refusal(alice_wallet, 4_001, mandate)
    assert (error.code, error.detail) == (ErrorCode.TOKEN_CEILING_EXCEEDED, day)
    at_once = refusal(alice_wallet, 5_001, mandate).detail
    assert at_once == f"This token may pay at most $50.00 at once. {day}"


def test_a_refusal_by_currency_says_which_currencies_have_a_ceiling(owner: User) -> None:
    mandate = mandate_of(owner, usd(per_day=1), Ceiling(currency="EUR", per_payment=1))
    yen = wallet_open(owner=owner, currency="JPY")

    assert refusal(yen, 1, mandate).detail == "This token has ceilings for EUR, USD and cannot pay in JPY."


def test_a_new_day_in_utc_renews_the_ceiling(alice_wallet: Wallet, owner: User) -> None:
    mandate = mandate_of(owner, usd(per_day=100))
    withdraw(alice_wallet, 100, mandate)
    assert refusal(alice_wallet, 1, mandate).code == ErrorCode.TOKEN_CEILING_EXCEEDED

    day_move(1)
    withdraw(alice_wallet, 60, mandate)

    assert (spent(), TokenCeiling.objects.get().day) == (60, datetime.now(UTC).date())
    assert refusal(alice_wallet, 41, mandate).code == ErrorCode.TOKEN_CEILING_EXCEEDED


def test_deposits_and_refused_payments_do_not_count(alice_wallet: Wallet, owner: User) -> None:
    mandate = mandate_of(owner, usd(per_day=100_000))
    deposit_create(actor=owner, wallet_id=alice_wallet.pk, amount=7)

    assert refusal(alice_wallet, 50_000, mandate).code == ErrorCode.INSUFFICIENT_FUNDS
    assert spent() == 0
    alice_wallet.refresh_from_db()
    assert alice_wallet.balance == 10_007


def test_the_items_of_a_list_count_one_after_another(alice_wallet: Wallet, owner: User) -> None:
    mandate, bob = mandate_of(owner, usd(per_payment=50, per_day=100)), wallet_of(person("bob"))
    amounts = [40, 51, 40, 40, 20, 1]
    requests = [TransferRequest(source_id=alice_wallet.pk, destination_id=bob.pk, amount=each) for each in amounts]

    answers = transfers_submit(actor=owner, requests=requests, mandate=mandate)

    accepted = [not isinstance(answer, WalletError) for answer in answers]
    assert accepted == [True, False, True, False, True, False]
    assert {answer.code for answer in answers if isinstance(answer, WalletError)} == {"token_ceiling_exceeded"}
    assert spent() == 100


def test_a_list_with_one_key_twice_counts_it_once(alice_wallet: Wallet, owner: User) -> None:
    mandate, bob = mandate_of(owner, usd(per_day=100)), wallet_of(person("bob"))
    one = TransferRequest(source_id=alice_wallet.pk, destination_id=bob.pk, amount=60, idempotency_key="k")

    answers = transfers_submit(actor=owner, requests=[one, one], mandate=mandate)

    assert [isinstance(answer, Receipt) and answer.replayed for answer in answers] == [False, True]
    assert spent() == 60


def test_an_accepted_transfer_that_fails_stays_counted(alice_wallet: Wallet, owner: User) -> None:
    mandate, bob = mandate_of(owner, usd(per_day=50_000)), wallet_of(person("bob"))
    request = TransferRequest(source_id=alice_wallet.pk, destination_id=bob.pk, amount=20_000)

    transfers_submit(actor=owner, requests=[request], mandate=mandate)
    drain_all()

    assert Transaction.objects.get(source=alice_wallet).status == Status.FAILED
    assert spent() == 20_000


def test_without_a_ceiling_per_day_nothing_is_written(alice_wallet: Wallet, owner: User) -> None:
    mandate = mandate_of(owner, usd(per_payment=50))
    for _ in range(3):
        withdraw(alice_wallet, 50, mandate)

    assert (spent(), TokenCeiling.objects.get().day) == (0, None)


def test_a_replay_is_answered_when_nothing_is_left(alice_wallet: Wallet, owner: User) -> None:
    mandate = mandate_of(owner, usd(per_day=100))
    first = withdraw(alice_wallet, 100, mandate, key="rent")

    again = withdraw(alice_wallet, 100, mandate, key="rent")

    assert (again.replayed, again.transaction) == (True, first.transaction)
    assert spent() == 100


def test_a_token_without_ceilings_costs_no_statement(alice_wallet: Wallet, owner: User) -> None:
    mandate, bob = mandate_of(owner), wallet_of(person("bob"))
    request = TransferRequest(source_id=alice_wallet.pk, destination_id=bob.pk, amount=1)
    assert mandate == OWNER
    with CaptureQueriesContext(connection) as made:
        withdraw(alice_wallet, 1, mandate)
        transfer_create(actor=owner, request=request, mandate=mandate)
        transfers_submit(actor=owner, requests=[request], mandate=mandate)

    assert not [query for query in made if "token" in query["sql"]]


def test_a_payment_with_ceilings_takes_two_statements_more(alice_wallet: Wallet, owner: User) -> None:
    mandate = mandate_of(owner, usd(per_day=100))
    withdraw(alice_wallet, 1, mandate)
    with CaptureQueriesContext(connection) as made:
        withdraw(alice_wallet, 1, mandate)

    own = [query["sql"].split()[0] for query in made if re.search("tokenceiling", query["sql"])]
    assert own == ["SELECT", "UPDATE"]


def test_ceilings_end_with_their_token(owner: User) -> None:
    mandate = mandate_of(owner, usd(per_day=1))
    with acting_as(WEB_ROLE):
        token_revoke(user=owner, digest=mandate.ceilings_of or "")

    assert not TokenCeiling.objects.exists()
    with pytest.raises(WalletError) as refused, transaction.atomic():
        ceilings_lock(mandate=mandate)
    assert refused.value.code == ErrorCode.NOT_AUTHENTICATED


_INSERT = """
INSERT INTO wallets_tokenceiling (token_id, currency, per_day, spent) SELECT digest, 'EUR', 1, 0 FROM wallets_apitoken
"""


@pytest.mark.parametrize(
    ("assignment", "rule"),
    [
        ("spent = 101", "tokenceiling_spent_within"),
        ("spent = -1", "tokenceiling_spent_only_grows"),
        ("spent = 0", "tokenceiling_spent_only_grows"),
        ("spent = 59", "tokenceiling_spent_only_grows"),
        ("day = NULL, spent = 0", "tokenceiling_spent_only_grows"),
        ("day = day - 1, spent = 0", "tokenceiling_spent_only_grows"),
        ("day = day + 1, spent = 0", "tokenceiling_spent_only_grows"),
    ],
)
def test_postgres_refuses_to_forget_what_was_spent(
    alice_wallet: Wallet, owner: User, assignment: str, rule: str
) -> None:
    withdraw(alice_wallet, 60, mandate_of(owner, usd(per_day=100)))

    with pytest.raises(IntegrityError) as refused, connection.cursor() as cursor:
        cursor.execute(f"UPDATE wallets_tokenceiling SET {assignment}")

    assert refused.value.__cause__.diag.constraint_name == rule  # type: ignore[union-attr]
    assert spent() == 60


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE wallets_tokenceiling SET per_day = 1000",
        "UPDATE wallets_tokenceiling SET per_payment = NULL",
        "UPDATE wallets_tokenceiling SET currency = 'EUR'",
        "DELETE FROM wallets_tokenceiling",
        _INSERT,
    ],
)
def test_nobody_raises_or_deletes_a_ceiling(owner: User, statement: str) -> None:
    mandate_of(owner, usd(per_payment=1, per_day=100))
    before = list(TokenCeiling.objects.values())

    with pytest.raises(ProgrammingError, match="permission denied"), connection.cursor() as cursor:
        cursor.execute(statement)
    with acting_as(WEB_ROLE), pytest.raises(ProgrammingError, match="permission denied"):
        connection.cursor().execute(statement)

    assert list(TokenCeiling.objects.values()) == before


@pytest.mark.parametrize(
    ("ceiling", "rule"),
    [
        (usd(), "tokenceiling_per_payment_range"),
        (usd(per_payment=0), "tokenceiling_per_payment_range"),
        (usd(per_payment=-5), "tokenceiling_per_payment_range"),
        (usd(per_day=0), "tokenceiling_per_day_range"),
        (usd(per_day=10**15), "tokenceiling_per_day_range"),
        (Ceiling(currency="XXX", per_day=1), "tokenceiling_currency_known"),
    ],
)
def test_a_ceiling_that_bounds_nothing_is_not_stored(owner: User, ceiling: Ceiling, rule: str) -> None:
    with pytest.raises(IntegrityError) as refused:
        mandate_of(owner, ceiling)

    assert refused.value.__cause__.diag.constraint_name == rule  # type: ignore[union-attr]


def test_a_currency_has_one_ceiling(owner: User) -> None:
    with pytest.raises(IntegrityError, match="tokenceiling_one_per_currency"):
        mandate_of(owner, usd(per_day=1), usd(per_day=2))
