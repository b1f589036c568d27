"""Freezing and closing wallets while money moves."""

from collections.abc import Callable

from django.db import transaction

from tests.concurrency.crowd import Meanwhile, at_once, codes
from tests.concurrency.waiting import backend_pid, waited_for
from tests.people import funded, person, wallet_of, wallet_of_id
from transactions.services import deposit_create, withdrawal_create
from wallets.domain.errors import WalletError
from wallets.models import User, Wallet, WalletStatus, WalletStatusEvent
from wallets.services import wallet_close, wallet_freeze, wallet_reopen


def until_refused(call: Callable[[], object]) -> Callable[[], str]:
    def run() -> str:
        for _ in range(10_000):
            try:
                call()
            except WalletError as error:
                return error.code
        return "never refused"

    return run


def test_no_money_moves_after_the_commit_of_a_freeze() -> None:
    alice, staff = funded("alice", 1_000_000), person("staff")
    owner = alice.owner
    assert owner
    spenders = [
        Meanwhile(until_refused(lambda: withdrawal_create(actor=owner, wallet_id=alice.id, amount=1))),
        Meanwhile(until_refused(lambda: withdrawal_create(actor=owner, wallet_id=alice.id, amount=2))),
        Meanwhile(until_refused(lambda: deposit_create(actor=owner, wallet_id=alice.id, amount=1))),
    ]
    while wallet_of_id(alice.id).version < 10:
        assert all(spender.running for spender in spenders)
    wallet_freeze(wallet_id=alice.id, actor=staff, reason="suspicion")
    frozen = wallet_of_id(alice.id)
    assert [spender.answer().value for spender in spenders] == ["wallet_frozen"] * 3
    after = wallet_of_id(alice.id)
    assert (after.balance, after.version) == (frozen.balance, frozen.version)


def test_a_freeze_waits_for_a_posting_that_holds_the_lock() -> None:
    alice, staff = funded("alice", 100), person("staff")
    owner = alice.owner
    assert owner
    with transaction.atomic():
        withdrawal_create(actor=owner, wallet_id=alice.id, amount=10)
        freeze = Meanwhile(lambda: wallet_freeze(wallet_id=alice.id, actor=staff, reason="suspicion"))
        waited_for(backend_pid())
    assert freeze.answer().value is True
    after = wallet_of_id(alice.id)
    assert (after.status, after.balance, after.version) == (WalletStatus.FROZEN, 90, 2)


def test_a_posting_that_waited_for_a_freeze_is_refused() -> None:
    alice, staff = funded("alice", 100), person("staff")
    owner = alice.owner
    assert owner
    with transaction.atomic():
        wallet_freeze(wallet_id=alice.id, actor=staff, reason="suspicion")
        spending = Meanwhile(lambda: withdrawal_create(actor=owner, wallet_id=alice.id, amount=10))
        waited_for(backend_pid())
    assert spending.answer().code == "wallet_frozen"
    assert wallet_of_id(alice.id).balance == 100


def test_only_an_empty_wallet_is_closed_even_in_a_race_with_a_deposit() -> None:
    """If the deposit is first, the wallet cannot be closed. If closing is first, the deposit is refused."""
    staff = person("staff")
    for number in range(6):
        wallet = wallet_of(person(f"person-{number}"))
        closing, paying = at_once([_closing(wallet, staff), _paying(wallet)])
        after = wallet_of_id(wallet.id)
        if after.status == WalletStatus.CLOSED:
            assert (closing.value, paying.code, after.balance) == (True, "wallet_closed", 0)
        else:
            assert (closing.code, paying.code, after.balance) == ("malformed", "done", 5)


def _closing(wallet: Wallet, staff: User) -> Callable[[], object]:
    return lambda: wallet_close(wallet_id=wallet.id, actor=staff, reason="asked to")


def _paying(wallet: Wallet) -> Callable[[], object]:
    owner = wallet.owner
    assert owner
    return lambda: deposit_create(actor=owner, wallet_id=wallet.id, amount=5)


def test_only_one_of_many_freezes_is_recorded() -> None:
    alice, staff = funded("alice", 100), [person(f"staff-{number}") for number in range(6)]
    answers = at_once(
        [lambda actor=actor: wallet_freeze(wallet_id=alice.id, actor=actor, reason="suspicion") for actor in staff]  # type: ignore[misc]
    )
    assert codes(answers) == {"done": 6}
    assert sorted(bool(answer.value) for answer in answers) == [False] * 5 + [True]
    (event,) = WalletStatusEvent.objects.filter(pgh_obj_id=alice.id)
    winner = staff[[answer.value for answer in answers].index(True)]
    assert event.pgh_context["actor"] == winner.pk


def test_the_events_of_concurrent_freezes_and_reopenings_alternate() -> None:
    alice, staff = funded("alice", 100), person("staff")
    calls = [lambda: wallet_freeze(wallet_id=alice.id, actor=staff, reason="x")] * 5
    calls += [lambda: wallet_reopen(wallet_id=alice.id, actor=staff, reason="y")] * 5
    answers = at_once(calls)
    assert codes(answers) == {"done": 10}
    statuses = list(WalletStatusEvent.objects.filter(pgh_obj_id=alice.id).values_list("status", flat=True))
    assert statuses == ["frozen", "open"] * (len(statuses) // 2) + ["frozen"] * (len(statuses) % 2)
    assert len(statuses) == sum(bool(answer.value) for answer in answers)
    assert wallet_of_id(alice.id).status == statuses[-1]
