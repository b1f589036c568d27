"""Parallel payments with one token never exceed its ceilings, and nothing deadlocks."""

from collections.abc import Callable
from itertools import cycle, islice

from allauth.core.context import request_context
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.http import HttpRequest

from tests.concurrency.crowd import Meanwhile, at_once, codes
from tests.concurrency.waiting import backend_pid, waited_for
from tests.people import balance_of, funded, person, wallet_of
from transactions.models import Transaction
from transactions.recipients import TransferRequest
from transactions.services import transfer_create, transfer_submit, transfers_submit, withdrawal_create
from wallets.addresses import address_confirm, address_request, change_undo
from wallets.auth.adapters import AccountAdapter
from wallets.domain.errors import WalletError
from wallets.domain.mandates import Ceiling, Mandate, Scope
from wallets.models import User, Wallet
from wallets.models.tokens import TokenCeiling
from wallets.tokens.ceilings import ceilings_lock
from wallets.tokens.services import token_issue, tokens_revoke_all


def mandate_of(user: User, *ceilings: Ceiling) -> Mandate:
    token, _ = token_issue(user=user, name="till", ceilings=ceilings)
    return Mandate(scopes=frozenset(Scope), ceilings_of=token.digest)


def ways(
    alice: Wallet, bob: Wallet, mandate: Mandate, amount: int, *, key: str | None = None
) -> list[Callable[[], object]]:
    """Every way to pay from Alice's wallet."""
    owner = alice.owner
    assert owner
    request = TransferRequest(source_id=alice.id, destination_id=bob.id, amount=amount, idempotency_key=key)

    def listed() -> object:
        answer = transfers_submit(actor=owner, requests=[request], mandate=mandate)[0]
        if isinstance(answer, WalletError):
            raise answer
        return answer

    return [
        lambda: withdrawal_create(
            actor=owner, wallet_id=alice.id, amount=amount, mandate=mandate, idempotency_key=f"w-{key}" if key else None
        ),
        lambda: transfer_create(actor=owner, request=request, mandate=mandate),
        lambda: transfer_submit(actor=owner, request=request, mandate=mandate),
        listed,
    ]


def test_parallel_payments_stay_within_the_ceiling() -> None:
    alice, bob = funded("alice", 10_000), wallet_of(person("bob"))
    assert alice.owner
    mandate = mandate_of(alice.owner, Ceiling(currency="USD", per_day=50))

    answers = at_once(list(islice(cycle(ways(alice, bob, mandate, 10)), 24)))

    assert codes(answers) == {"done": 5, "token_ceiling_exceeded": 19}
    assert TokenCeiling.objects.get().spent == 50
    assert Transaction.objects.filter(source=alice).count() == 5


def test_parallel_repetitions_of_one_payment_count_once() -> None:
    alice, bob = funded("alice", 10_000), wallet_of(person("bob"))
    assert alice.owner
    mandate = mandate_of(alice.owner, Ceiling(currency="USD", per_day=100))
    _, transfer, submit, listed = ways(alice, bob, mandate, 10, key="lunch")

    answers = at_once([transfer, submit, listed] * 6)

    # A synchronous request that finds the transfer pending asks its sender to wait.
    assert codes(answers).keys() <= {"done", "idempotency_in_progress"}
    assert TokenCeiling.objects.get().spent == 10
    assert Transaction.objects.filter(source=alice).count() == 1


def test_the_same_key_with_and_without_the_token_counts_at_most_once() -> None:
    """The owner's browser holds no lock on the token, so one of the two is found to be a replay only when it writes."""
    alice, bob = funded("alice", 10_000), wallet_of(person("bob"))
    owner = alice.owner
    assert owner
    mandate = mandate_of(owner, Ceiling(currency="USD", per_day=10_000))
    for number in range(8):
        request = TransferRequest(source_id=alice.id, destination_id=bob.id, amount=10, idempotency_key=f"k-{number}")
        before = TokenCeiling.objects.get().spent

        answers = at_once(
            [
                lambda request=request: transfer_submit(actor=owner, request=request),  # type: ignore[misc]
                lambda request=request: transfer_submit(actor=owner, request=request, mandate=mandate),  # type: ignore[misc]
            ]
        )

        with_token = answers[1].value
        assert codes(answers) == {"done": 2}
        assert with_token
        assert TokenCeiling.objects.get().spent - before == (0 if with_token.replayed else 10)


def test_payments_in_several_currencies_and_directions_do_not_deadlock() -> None:
    alice, bob = funded("alice", 10_000), funded("bob", 10_000)
    assert alice.owner
    assert bob.owner
    ceilings = [Ceiling(currency=code, per_day=10_000) for code in ("EUR", "USD")]
    there = ways(alice, bob, mandate_of(alice.owner, *ceilings), 10)
    back = ways(bob, alice, mandate_of(bob.owner, *ceilings), 10)

    assert codes(at_once([*there, *back] * 3)) == {"done": 24}
    assert set(TokenCeiling.objects.filter(currency="USD").values_list("spent", flat=True)) == {120}


def test_a_token_that_is_revoked_meanwhile_pays_nothing_more() -> None:
    alice, bob = funded("alice", 10_000), wallet_of(person("bob"))
    owner = alice.owner
    assert owner
    mandate = mandate_of(owner, Ceiling(currency="USD", per_day=10_000))

    answers = at_once([*ways(alice, bob, mandate, 10), lambda: tokens_revoke_all(user=owner)] * 2)

    assert codes(answers).keys() <= {"done", "not_authenticated"}
    assert not TokenCeiling.objects.exists()
    assert codes(at_once(ways(alice, bob, mandate, 10))) == {"not_authenticated": 4}
    assert balance_of(alice) > 0


def test_a_payment_with_a_token_and_a_password_reset_do_not_deadlock() -> None:
    """The reset reduces what leaves the wallets and deletes the ceilings. A thief who pays with the token all the time
    must not hinder it."""
    alice = funded("alice", 10_000)
    owner = alice.owner
    assert owner
    mandate = mandate_of(owner, Ceiling(currency="USD", per_day=10_000))
    request = HttpRequest()
    request.user = AnonymousUser()

    def reset() -> None:
        with request_context(request):
            user = User.objects.get(pk=owner.pk)
            AccountAdapter().set_password(user, "eleven loud harbours at dusk", is_reset=True)

    with transaction.atomic():
        ceilings_lock(mandate=mandate)
        resetting = Meanwhile(reset)
        waited_for(backend_pid())
        withdrawal_create(actor=owner, wallet_id=alice.id, amount=10, mandate=mandate)

    assert resetting.answer().error is None
    assert wallet_of(owner).reduced_day_limit is not None
    assert not TokenCeiling.objects.exists()


def test_a_payment_with_a_token_and_the_undoing_of_a_change_of_email_do_not_deadlock() -> None:
    """The undoing changes the email, which locks the user's row against the payment, and deletes the ceilings."""
    alice = funded("alice", 10_000)
    owner = alice.owner
    assert owner
    mandate = mandate_of(owner, Ceiling(currency="USD", per_day=10_000))
    changed = address_confirm(address=address_request(user=owner, email="mallory@example.com"))
    assert changed

    with transaction.atomic():
        ceilings_lock(mandate=mandate)
        undoing = Meanwhile(lambda: change_undo(key=changed.undo_key))
        waited_for(backend_pid())
        withdrawal_create(actor=owner, wallet_id=alice.id, amount=10, mandate=mandate)

    answer = undoing.answer()
    assert answer.error is None
    assert answer.value is not None
    assert not TokenCeiling.objects.exists()
