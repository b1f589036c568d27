"""Who is meant by a request: the same answer and the same words for every entry point."""

import pytest

from transactions.previews import transfer_preview
from transactions.recipients import TransferRequest, transfer_resolve
from transactions.services import transfer_create, transfer_submit
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User, Wallet
from wallets.services import wallet_open

pytestmark = pytest.mark.django_db(transaction=True)


def request(source: Wallet, recipient: str) -> TransferRequest:
    return TransferRequest(source_id=source.id, recipient=recipient, amount=1)


def usd(user: User) -> Wallet:
    return Wallet.objects.get(owner=user, currency="USD")


@pytest.mark.parametrize("name", ["bob", "BOB", "\tbob ", "bob@example.com", "BOB@example.com"])
def test_a_recipient_is_found_by_username_or_email_in_any_case(alice: User, bob: User, name: str) -> None:
    sides = transfer_resolve(actor=alice, request=request(usd(alice), name))

    assert sides.destination == usd(bob)
    assert sides.destination.owner is not None
    assert sides.destination.owner.username == "bob"


@pytest.mark.parametrize(
    "name", ["", " ", "@", "bo", "bobb", "bob@", "@example.com", "bo%", "bob\0", "\ud800", "outside"]
)
def test_a_recipient_who_does_not_exist_is_not_found(alice: User, bob: User, name: str) -> None:
    with pytest.raises(WalletError) as refusal:
        transfer_resolve(actor=alice, request=request(usd(alice), name))

    assert refusal.value.code == ErrorCode.RECIPIENT_NOT_FOUND


def test_a_recipient_who_left_is_not_found(alice: User, bob: User) -> None:
    User.objects.filter(username="bob").update(is_active=False)

    with pytest.raises(WalletError, match="There is no user bob"):
        transfer_resolve(actor=alice, request=request(usd(alice), "bob"))


def test_the_wallet_of_the_sources_currency_receives(alice: User, bob: User) -> None:
    alices, bobs = wallet_open(owner=alice, currency="EUR"), wallet_open(owner=bob, currency="EUR")

    assert transfer_resolve(actor=alice, request=request(alices, "bob")).destination == bobs
    assert transfer_resolve(actor=alice, request=request(usd(alice), "bob")).destination == usd(bob)


def test_a_username_without_the_wallet_is_told_from_an_unknown_username(alice: User, bob: User) -> None:
    euros = wallet_open(owner=alice, currency="EUR")

    with pytest.raises(WalletError, match="bob has no wallet in EUR"):
        transfer_resolve(actor=alice, request=request(euros, "bob"))
    with pytest.raises(WalletError, match="There is no user bobby"):
        transfer_resolve(actor=alice, request=request(euros, "bobby"))


def test_a_user_without_any_wallet_is_told_from_an_unknown_username(alice: User) -> None:
    User.objects.create_user(username="charlie", email="charlie@example.com", password="seven lanterns")

    with pytest.raises(WalletError, match="charlie has no wallet in USD"):
        transfer_resolve(actor=alice, request=request(usd(alice), "charlie"))


def test_an_email_address_without_the_wallet_is_not_told_from_an_unknown_address(alice: User, bob: User) -> None:
    euros = wallet_open(owner=alice, currency="EUR")
    details = set()

    for address in ("bob@example.com", "nobody@example.com"):
        with pytest.raises(WalletError) as refusal:
            transfer_resolve(actor=alice, request=request(euros, address))
        details.add(refusal.value.detail)

    (detail,) = details
    assert "bob" not in detail
    assert "nobody" not in detail


@pytest.mark.parametrize("name", ["bobby", "nobody@example.com"])
def test_every_entry_point_says_it_in_the_same_words(alice: User, bob: User, name: str) -> None:
    details = set()
    for ask in (transfer_preview, transfer_create, transfer_submit):
        with pytest.raises(WalletError) as refusal:
            ask(actor=alice, request=request(usd(alice), name))
        details.add((refusal.value.code, refusal.value.detail))

    assert len(details) == 1


def test_a_wallet_id_pays_into_any_wallet_except_an_outside_one(alice: User, bob: User) -> None:
    to_bob = TransferRequest(source_id=usd(alice).id, destination_id=usd(bob).id, amount=1)
    assert transfer_resolve(actor=alice, request=to_bob).destination == usd(bob)

    for wallet_id in (840, 0, -1, 4_711_000, 2**63, 2**80):
        nowhere = TransferRequest(source_id=usd(alice).id, destination_id=wallet_id, amount=1)
        with pytest.raises(WalletError) as refusal:
            transfer_resolve(actor=alice, request=nowhere)
        assert refusal.value.code == ErrorCode.NOT_FOUND
