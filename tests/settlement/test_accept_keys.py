"""One idempotency key moves money once, through every entry point, even if many requests race."""

from collections.abc import Callable, Sequence

import pytest
from django.db import connection

from tests.people import funded
from tests.settlement.books import assert_settled, pending_count
from tests.settlement.locks import outside_connection
from tests.settlement.processes import processes_run
from tests.settlement.requests import codes, to_bob
from tests.settlement.threads import in_threads
from tests.settlement.transfers import accept, drain, transfer
from transactions.models import Job, Transaction
from transactions.recipients import TransferRequest
from transactions.services import Receipt, transfer_create, transfer_submit, transfers_submit
from transactions.settlement.accept import Request, transfers_accept
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User, Wallet

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_key_twice_in_a_list_is_accepted_once(alice: User, alice_wallet: Wallet, bob_wallet: Wallet) -> None:
    answers = transfers_submit(
        actor=alice,
        requests=[to_bob(alice_wallet, key="k"), to_bob(alice_wallet, key="k"), to_bob(alice_wallet, 11, key="k")],
    )
    assert codes(answers) == ["accepted", "replayed", "idempotency_key_reused"]
    assert pending_count() == 1


@pytest.mark.parametrize("state", ["pending", "posted", "failed"])
def test_a_replay_returns_the_transfer_with_its_current_status(
    alice: User, alice_wallet: Wallet, bob_wallet: Wallet, state: str
) -> None:
    request = to_bob(alice_wallet, 5_000 if state == "failed" else 10, key="k")
    first = transfer_submit(actor=alice, request=request)
    if state != "pending":
        drain(alice_wallet)

    again = transfer_submit(actor=alice, request=request)

    assert again.replayed
    assert (again.transaction.id, again.transaction.status) == (first.transaction.id, state)
    assert Transaction.objects.filter(kind="transfer").count() == 1


def test_a_key_of_a_synchronous_transfer_replays_it_and_accepts_nothing(
    alice: User, alice_wallet: Wallet, bob_wallet: Wallet
) -> None:
    posted = transfer_create(
        actor=alice, request=TransferRequest(source_id=alice_wallet.id, recipient="bob", amount=10, idempotency_key="k")
    ).transaction

    again = transfer_submit(actor=alice, request=to_bob(alice_wallet, key="k"))
    assert (again.replayed, again.transaction.id, again.transaction.status) == (True, posted.id, "posted")
    with pytest.raises(WalletError, match="different amount"):
        transfer_submit(actor=alice, request=to_bob(alice_wallet, 11, key="k"))
    assert Job.objects.count() == 0


def test_a_synchronous_replay_of_a_pending_transfer_is_in_progress_until_it_is_posted(
    alice: User, alice_wallet: Wallet, bob_wallet: Wallet
) -> None:
    accepted = transfer_submit(actor=alice, request=to_bob(alice_wallet, key="k")).transaction

    def send_now() -> Receipt:
        return transfer_create(
            actor=alice,
            request=TransferRequest(source_id=alice_wallet.id, recipient="bob", amount=10, idempotency_key="k"),
        )

    with pytest.raises(WalletError) as refused:
        send_now()
    assert refused.value.code == ErrorCode.IDEMPOTENCY_IN_PROGRESS
    drain(alice_wallet)
    receipt = send_now()
    assert (receipt.replayed, receipt.transaction.id) == (True, accepted.id)
    assert_settled([accepted], posted=1)


def test_two_processes_that_race_with_one_key_accept_one_transfer_and_get_the_same_id(forkable: None) -> None:
    alice, bob = funded("alice", 1_000), funded("bob")
    request = transfer(alice, bob, key="k")

    found = processes_run(_ids_accepted, [([request] * 3,)] * 4)

    assert len({id_ for ids in found for id_ in ids}) == 1
    assert pending_count() == Job.objects.count() == 1


def test_two_processes_that_race_with_the_same_keys_in_opposite_orders_accept_each_once(forkable: None) -> None:
    """They deadlock on the keys. Postgres aborts one of them, which tries again and then finds all keys used."""
    alice = funded("alice", 10_000)
    funded("bob")
    assert alice.owner
    keys = [f"k{number}" for number in range(300)]
    lists = [[TransferRequest(source_id=alice.id, recipient="bob", amount=1, idempotency_key=key) for key in order]
        for order in (keys, keys[::-1])]  # fmt: skip

    found = processes_run(_ids_submitted, [(alice.owner.pk, requests) for requests in lists])

    assert found[0] == found[1][::-1]
    assert pending_count() == Job.objects.count() == 300


def test_two_processes_that_race_with_one_key_for_different_transfers_accept_one_of_them(forkable: None) -> None:
    alice, bob = funded("alice", 1_000), funded("bob")

    found = processes_run(_codes_accepted, [([transfer(alice, bob, amount, key="k")],) for amount in (1, 2, 3, 4)])

    assert sorted(code for codes in found for code in codes) == ["accepted", *["idempotency_key_reused"] * 3]
    assert pending_count() == 1


def test_a_synchronous_and_an_asynchronous_request_that_race_with_one_key_move_the_money_once(
    alice: User, alice_wallet: Wallet, bob_wallet: Wallet
) -> None:
    calls: list[Callable[[], Receipt]] = [
        lambda: transfer_submit(actor=alice, request=to_bob(alice_wallet, key="k")),
        lambda: transfer_create(
            actor=alice,
            request=TransferRequest(source_id=alice_wallet.id, recipient="bob", amount=10, idempotency_key="k"),
        ),
    ] * 3

    def call_next() -> str:
        try:
            return codes([calls.pop()()])[0]
        except WalletError as error:
            return error.code

    found = in_threads(call_next, count=6)

    assert set(found) <= {"accepted", "replayed", "idempotency_in_progress"}
    assert found.count("accepted") == 1
    drain(alice_wallet)
    assert_settled(list(Transaction.objects.filter(kind="transfer")), posted=1)
    assert Wallet.objects.get(id=bob_wallet.id).balance == 10


def test_a_key_held_by_an_uncommitted_request_is_answered_as_in_progress() -> None:
    alice, bob = funded("alice", 1_000), funded("bob")
    (stored,) = accept([transfer(alice, bob, key="k0")])
    with outside_connection() as stranger, connection.cursor() as cursor:
        stranger.execute(
            """WITH accepted AS (INSERT INTO transactions_transaction (id, kind, status, currency, amount, source_id,
                destination_id, memo, initiator_id, idempotency_key, created_at, failure_code)
            SELECT id + 1, kind, status, currency, amount, source_id, destination_id, memo, initiator_id, 'k',
                created_at, '' FROM transactions_transaction WHERE id = %s RETURNING id, source_id)
            INSERT INTO transactions_job (transaction_id, source_id, partition)
            SELECT id, source_id, 0 FROM accepted""",
            [stored.id],
        )
        cursor.execute("SET lock_timeout = '100ms'")
        try:
            with pytest.raises(WalletError) as refused:
                transfers_accept([transfer(alice, bob, key="k1"), transfer(alice, bob, key="k")])
        finally:
            cursor.execute("RESET lock_timeout")
        stranger.rollback()

    assert refused.value.code == ErrorCode.IDEMPOTENCY_IN_PROGRESS
    assert pending_count() == 1


def _ids_accepted(requests: Sequence[Request]) -> list[int]:
    return [t.id for t in accept(requests)]


def _codes_accepted(requests: Sequence[Request]) -> list[str]:
    return [outcome.error.code if outcome.error else "accepted" for outcome in transfers_accept(requests)]


def _ids_submitted(user_id: int, requests: Sequence[TransferRequest]) -> list[int]:
    answers = transfers_submit(actor=User.objects.get(id=user_id), requests=requests)
    return [answer.transaction.id if isinstance(answer, Receipt) else -1 for answer in answers]
