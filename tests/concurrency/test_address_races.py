"""Two things happen to an email address at the same moment."""

from allauth.account.models import EmailAddress

from tests.concurrency.crowd import at_once, codes
from tests.people import PASSWORD, person
from wallets.addresses import address_confirm, address_request, change_undo
from wallets.auth.adapters import AccountAdapter
from wallets.models import User
from wallets.services import user_register

ROUNDS = 6


def test_only_one_of_many_accounts_confirms_an_email() -> None:
    for number in range(ROUNDS):
        email = f"{number}@example.com"
        users = [
            user_register(username=f"{name}-{number}", email=email, password=PASSWORD)
            for name in ("alice", "bob", "charlie", "dora")
        ]
        pending = [EmailAddress.objects.get(user=user) for user in users]
        answers = at_once([lambda address=address: address_confirm(address=address) for address in pending])  # type: ignore[misc]
        assert codes(answers) == {"done": 4}
        assert [answer.value is not None for answer in answers].count(True) == 1
        assert User.objects.filter(email=email).count() == 1
        assert EmailAddress.objects.filter(email=email, verified=True).count() == 1


def test_a_confirmation_either_comes_before_a_password_reset_or_does_nothing() -> None:
    """After the reset there is never a pending address that a link could still confirm."""
    orders = set()
    for number in range(ROUNDS):
        alice = person(f"alice-{number}")
        address = address_request(user=alice, email=f"mallory-{number}@example.com")
        owner = User.objects.get(pk=alice.pk)
        confirming, resetting = at_once(
            [
                lambda address=address: address_confirm(address=address),  # type: ignore[misc]
                lambda owner=owner: AccountAdapter().set_password(owner, "another long phrase"),  # type: ignore[misc]
            ]
        )
        assert (confirming.error, resetting.error) == (None, None)
        alice.refresh_from_db()
        confirmed = confirming.value is not None
        orders.add(confirmed)
        assert alice.email == (f"mallory-{number}@example.com" if confirmed else f"alice-{number}@example.com")
        assert not EmailAddress.objects.filter(user=alice, verified=False).exists()
        assert address_confirm(address=address) is None
    assert orders


def test_a_request_at_the_moment_of_a_password_change_is_cancelled_or_refused() -> None:
    for number in range(ROUNDS):
        alice = person(f"alice-{number}")
        signed_in, owner = User.objects.get(pk=alice.pk), User.objects.get(pk=alice.pk)
        asking, changing = at_once(
            [
                lambda user=signed_in, number=number: address_request(user=user, email=f"m-{number}@example.com"),  # type: ignore[misc]
                lambda owner=owner: AccountAdapter().set_password(owner, "another long phrase"),  # type: ignore[misc]
            ]
        )
        assert changing.error is None
        assert asking.code in {"done", "not_authenticated"}
        assert not EmailAddress.objects.filter(user=alice, verified=False).exists()


def test_only_one_of_many_clicks_undoes_a_change() -> None:
    alice = person("alice")
    confirmed = address_confirm(address=address_request(user=alice, email="mallory@example.com"))
    assert confirmed is not None
    answers = at_once([lambda: change_undo(key=confirmed.undo_key)] * 4)
    assert codes(answers) == {"done": 4}
    assert [answer.value is not None for answer in answers].count(True) == 1
    alice.refresh_from_db()
    assert alice.email == "alice@example.com"


def test_only_one_of_two_look_alikes_is_registered() -> None:
    for number in range(ROUNDS):
        names = [f"alice{number}", f"a1ice{number}", f"a-lice{number}"]
        answers = at_once(
            [
                lambda name=name: user_register(username=name, email="dora@example.com", password=PASSWORD)  # type: ignore[misc]
                for name in names
            ]
        )
        assert codes(answers) == {"done": 1, "malformed": 2}
