"""Concurrent requests create a user or a wallet only once."""

from collections import Counter

from tests.concurrency.crowd import at_once, codes
from tests.concurrency.processes import Worker
from tests.people import person
from wallets.domain.errors import WalletError
from wallets.models import User, Wallet
from wallets.services import user_register, wallet_open


def test_only_one_of_many_requests_opens_the_wallet() -> None:
    alice = person("alice")
    answers = at_once([lambda: wallet_open(owner=alice, currency="EUR")] * 8)
    assert codes(answers) == {"done": 1, "wallet_exists": 7}
    assert Wallet.objects.filter(owner=alice, currency="EUR").count() == 1


def test_only_one_of_many_processes_opens_the_wallet(processes: list[Worker]) -> None:
    alice = person("alice")
    for process in processes:
        process.start("open_wallet", owner_id=alice.pk, currency="EUR")
    assert Counter(process.answer() for process in processes) == {"done": 1, "wallet_exists": 3}


def test_the_first_wallets_of_a_currency_share_one_outside_wallet() -> None:
    people = [person(f"person-{number}") for number in range(6)]
    answers = at_once([lambda owner=owner: wallet_open(owner=owner, currency="SEK") for owner in people])  # type: ignore[misc]
    assert codes(answers) == {"done": 6}
    assert list(Wallet.objects.filter(currency="SEK", owner=None).values_list("id", flat=True)) == [752]


def test_only_one_of_many_registrations_gets_the_username() -> None:
    def register(number: int) -> User:
        return user_register(username="alice", email=f"alice-{number}@example.org", password="seven lanterns")

    answers = at_once([lambda number=number: register(number) for number in range(8)])  # type: ignore[misc]
    assert codes(answers) == {"done": 1, "malformed": 7}
    assert {field for answer in answers for field in _fields(answer.error)} == {"username"}
    assert Wallet.objects.filter(owner__username="alice").count() == 1


def test_only_one_of_many_registrations_gets_the_confirmed_email() -> None:
    def register(number: int) -> User:
        return user_register(
            username=f"alice-{number}", email="alice@example.org", password="seven lanterns", is_email_confirmed=True
        )

    answers = at_once([lambda number=number: register(number) for number in range(8)])  # type: ignore[misc]
    assert codes(answers) == {"done": 1, "malformed": 7}
    assert {field for answer in answers for field in _fields(answer.error)} == {"email"}
    assert User.objects.count() == Wallet.objects.filter(owner__isnull=False).count() == 1


def test_only_one_of_many_processes_gets_the_username(processes: list[Worker]) -> None:
    for number, process in enumerate(processes):
        process.start("register", username="alice", email=f"alice-{number}@example.org")
    assert Counter(process.answer() for process in processes) == {"done": 1, "malformed": 3}
    assert User.objects.count() == Wallet.objects.filter(owner__isnull=False).count() == 1


def _fields(error: Exception | None) -> list[str]:
    return list(error.fields) if isinstance(error, WalletError) else []
