"""New accounts, and finding users."""

import pytest

from tests.people import PASSWORD, person
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User, Wallet
from wallets.services import user_register

pytestmark = pytest.mark.django_db


def test_a_new_account_has_an_empty_wallet_in_dollars() -> None:
    alice = person("alice")
    (wallet,) = Wallet.objects.filter(owner=alice)
    assert (wallet.currency, wallet.status, wallet.balance, wallet.version) == ("USD", "open", 0, 0)
    assert wallet.id >= 1_000


def test_only_the_hash_of_a_password_is_stored() -> None:
    alice = person("alice")
    assert alice.check_password(PASSWORD)
    assert not alice.check_password(PASSWORD.upper())
    assert PASSWORD not in User.objects.get(pk=alice.pk).password


def test_a_new_account_has_no_special_rights() -> None:
    alice = person("alice")
    assert (alice.is_active, alice.is_staff, alice.is_superuser) == (True, False, False)


def test_usernames_and_addresses_are_stored_in_lower_case() -> None:
    alice = user_register(
        username="Alice", email="Alice@Example.COM", password="seven lanterns", is_email_confirmed=True
    )
    alice.refresh_from_db()
    assert (alice.username, alice.email) == ("alice", "alice@example.com")
    assert User.objects.get_by_natural_key("ALICE") == alice


@pytest.mark.parametrize(
    ("username", "email", "field"),
    [
        ("alice", "other@example.com", "username"),
        ("ALICE", "other@example.com", "username"),
        ("other", "alice@example.com", "email"),
        ("other", "ALICE@example.com", "email"),
    ],
)
def test_it_refuses_a_taken_username_or_confirmed_address_and_names_the_field(
    username: str, email: str, field: str
) -> None:
    person("alice")
    with pytest.raises(WalletError) as refusal:
        user_register(username=username, email=email, password="seven lanterns", is_email_confirmed=True)
    assert refusal.value.code == ErrorCode.MALFORMED
    assert set(refusal.value.fields) == {field}
    assert "taken" in refusal.value.detail
    assert User.objects.count() == Wallet.objects.filter(owner__isnull=False).count() == 1


def test_no_account_is_created_if_its_wallet_cannot_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are created in one database transaction."""

    def fail(**_: object) -> Wallet:
        raise WalletError(ErrorCode.UNAVAILABLE)

    monkeypatch.setattr("wallets.services.wallet_open", fail)
    with pytest.raises(WalletError):
        person("alice")
    assert User.objects.count() == 0
