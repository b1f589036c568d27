"""The ledger agrees with a simple model after any sequence of operations, and the books balance."""

from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from tests.people import person
from transactions.audit import books_audit
from transactions.ledger.commands import Command
from transactions.ledger.post import post
from transactions.models import Kind
from transactions.recipients import TransferRequest
from transactions.services import deposit_create, transfer_create, withdrawal_create
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.money import AMOUNT_MAX, BALANCE_MAX
from wallets.models import User, Wallet
from wallets.services import wallet_close, wallet_freeze, wallet_open, wallet_reopen

_names = (f"person-{number}" for number in count())


@dataclass(slots=True)
class Account:
    """What the model knows of a wallet."""

    owner: User
    currency: str
    status: str = "open"
    balance: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True)
class Wish:
    """A request to move money, for the model and the ledger."""

    actor: User
    source: int | None
    destination: int | None
    amount: int
    memo: str
    key: str | None

    @property
    def kind(self) -> Kind:
        if self.source is None:
            return Kind.DEPOSIT
        return Kind.WITHDRAWAL if self.destination is None else Kind.TRANSFER


@dataclass(slots=True)
class Model:
    """The whole ledger in one dict of wallets and one of keys."""

    accounts: dict[int, Account] = field(default_factory=dict)
    kept: dict[tuple[int, str], Wish] = field(default_factory=dict)

    def move(self, wish: Wish) -> ErrorCode | None:
        """Carries the wish out, or returns the code of the refusal."""
        error = self._refusal(wish)
        if error or (wish.key and (wish.actor.pk, wish.key) in self.kept):
            return error
        for wallet_id, change in ((wish.source, -wish.amount), (wish.destination, wish.amount)):
            if wallet_id is not None:
                self.accounts[wallet_id].balance += change
                self.accounts[wallet_id].version += 1
        if wish.key:
            self.kept[wish.actor.pk, wish.key] = wish
        return None

    def _refusal(self, wish: Wish) -> ErrorCode | None:
        source = self.accounts[wish.source] if wish.source is not None else None
        destination = self.accounts[wish.destination] if wish.destination is not None else None
        kept = self.kept.get((wish.actor.pk, wish.key)) if wish.key else None
        own = source or destination
        assert own is not None
        is_full = destination is not None and destination.balance + wish.amount > BALANCE_MAX
        is_unable = is_full or (destination is not None and destination.status != "open")
        answers = {
            ErrorCode.MALFORMED: not 1 <= wish.amount <= AMOUNT_MAX,
            ErrorCode.SAME_WALLET: wish.source == wish.destination,
            ErrorCode.IDEMPOTENCY_KEY_REUSED: kept is not None and kept != wish,
            None: kept == wish and kept is not None,
            ErrorCode.CURRENCY_MISMATCH: bool(source and destination and source.currency != destination.currency),
            ErrorCode.WALLET_CLOSED: own.status == "closed",
            ErrorCode.WALLET_FROZEN: own.status == "frozen",
            ErrorCode.INSUFFICIENT_FUNDS: bool(source and source.balance < wish.amount),
            ErrorCode.RECIPIENT_CANNOT_RECEIVE: source is not None and is_unable,
            ErrorCode.BALANCE_LIMIT_EXCEEDED: is_full,
        }
        return next((code for code, holds in answers.items() if holds), None)


amounts = st.one_of(*[st.integers(1, 100)] * 3, st.sampled_from([0, AMOUNT_MAX, AMOUNT_MAX + 1]))
memos = st.sampled_from(["", "rent"])
keys = st.sampled_from([None, None, "k1", "k2"])


class LedgerMachine(RuleBasedStateMachine):
    """Three users. Each step is done in the database and in the model."""

    wallets = Bundle("wallets")

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.staff = person(next(_names))

    @initialize(target=wallets)
    def everybodys_first_wallet(self) -> Any:
        for _ in range(3):
            wallet = Wallet.objects.select_related("owner").get(owner=person(next(_names)))
            assert wallet.owner
            self.model.accounts[wallet.id] = Account(wallet.owner, "USD")
            self._ask(Wish(wallet.owner, None, wallet.id, 200, "salary", None))
        return multiple(*self.model.accounts)

    @rule(target=wallets, beside=wallets, currency=st.sampled_from(["USD", "EUR", "JPY"]))
    def open_a_wallet(self, beside: int, currency: str) -> int:
        owner = self.model.accounts[beside].owner
        own = {account.currency: id_ for id_, account in self.model.accounts.items() if account.owner == owner}
        if currency in own:
            with pytest.raises(WalletError) as refusal:
                wallet_open(owner=owner, currency=currency)
            assert refusal.value.code == ErrorCode.WALLET_EXISTS
            return own[currency]
        wallet = wallet_open(owner=owner, currency=currency)
        self.model.accounts[wallet.id] = Account(owner, currency)
        return wallet.id

    @rule(wallet=wallets, amount=amounts, memo=memos, key=keys)
    def deposit(self, wallet: int, amount: int, memo: str, key: str | None) -> None:
        self._ask(Wish(self._owner(wallet), None, wallet, amount, memo, key))

    @rule(wallet=wallets, amount=amounts, memo=memos, key=keys)
    def withdraw(self, wallet: int, amount: int, memo: str, key: str | None) -> None:
        self._ask(Wish(self._owner(wallet), wallet, None, amount, memo, key))

    @rule(source=wallets, destination=wallets, amount=amounts, memo=memos, key=keys)
    def transfer(self, source: int, destination: int, amount: int, memo: str, key: str | None) -> None:
        self._ask(Wish(self._owner(source), source, destination, amount, memo, key))

    @rule(ways=st.lists(st.tuples(wallets, wallets, amounts, keys), max_size=6))
    def a_list(self, ways: list[tuple[int, int, int, str | None]]) -> None:
        wishes = [Wish(self._owner(s), s, d, amount, "", key) for s, d, amount, key in ways]
        outcomes = post(
            [
                Command(
                    kind=wish.kind,
                    amount=wish.amount,
                    source_id=wish.source,
                    destination_id=wish.destination,
                    initiator_id=wish.actor.pk,
                    memo=wish.memo,
                    idempotency_key=wish.key,
                )
                for wish in wishes
            ]
        )
        expected = [self.model.move(wish) for wish in wishes]
        assert [outcome.error and outcome.error.code for outcome in outcomes] == expected

    @rule(wallet=wallets)
    def say_a_kept_wish_again(self, wallet: int) -> None:
        kept = [wish for wish in self.model.kept.values() if wallet in {wish.source, wish.destination}]
        for wish in kept:
            self._ask(wish)

    @rule(wallet=wallets, status=st.sampled_from(["open", "open", "open", "frozen", "closed"]))
    def set_status(self, wallet: int, status: str) -> None:
        account = self.model.accounts[wallet]
        service = {"open": wallet_reopen, "frozen": wallet_freeze, "closed": wallet_close}[status]
        if status == "closed" and account.balance:
            with pytest.raises(WalletError, match="empty"):
                service(wallet_id=wallet, actor=self.staff, reason="asked to")
            return
        changed = service(wallet_id=wallet, actor=self.staff, reason="asked to")
        assert changed == (account.status != status)
        account.status = status

    @invariant()
    def both_agree(self) -> None:
        rows = Wallet.objects.filter(id__in=self.model.accounts).values_list("id", "status", "balance", "version")
        assert {row[0]: row[1:] for row in rows} == {
            id_: (account.status, account.balance, account.version) for id_, account in self.model.accounts.items()
        }

    def teardown(self) -> None:
        audit = books_audit()
        assert audit.clean, audit.findings

    def _owner(self, wallet: int) -> User:
        return self.model.accounts[wallet].owner

    def _ask(self, wish: Wish) -> None:
        replay = bool(wish.key) and self.model.kept.get((wish.actor.pk, wish.key or "")) == wish
        expected = self.model.move(wish)
        if expected:
            with pytest.raises(WalletError) as refusal:
                _service(wish)
            assert refusal.value.code == expected
        else:
            assert _service(wish) == replay


def _service(wish: Wish) -> bool:
    extra: dict[str, Any] = {"amount": wish.amount, "memo": wish.memo, "idempotency_key": wish.key}
    if wish.source is None:
        assert wish.destination is not None
        return deposit_create(actor=wish.actor, wallet_id=wish.destination, **extra).replayed
    if wish.destination is None:
        return withdrawal_create(actor=wish.actor, wallet_id=wish.source, **extra).replayed
    request = TransferRequest(source_id=wish.source, destination_id=wish.destination, **extra)
    return transfer_create(actor=wish.actor, request=request).replayed


@pytest.mark.django_db(transaction=True)
def test_the_ledger_agrees_with_its_model() -> None:
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=20,
            stateful_step_count=30,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
