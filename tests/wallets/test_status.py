"""Freezing, reopening and closing wallets: what changes, and what the audit trail records."""

from collections.abc import Callable

import pytest

from tests.people import deposit, person, wallet_of, wallet_of_id
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User, Wallet, WalletStatusEvent
from wallets.services import wallet_close, wallet_freeze, wallet_reopen

pytestmark = pytest.mark.django_db

SERVICES = {"frozen": wallet_freeze, "open": wallet_reopen, "closed": wallet_close}


@pytest.fixture
def wallet(db: None) -> Wallet:
    return wallet_of(person("alice"))


@pytest.fixture
def staff(db: None) -> User:
    return person("staff")


def trail(wallet: Wallet) -> list[tuple[str, object]]:
    return list(WalletStatusEvent.objects.filter(pgh_obj_id=wallet.id).values_list("status", "pgh_context"))


def test_the_trail_records_the_change_the_actor_and_the_reason(wallet: Wallet, staff: User) -> None:
    assert wallet_freeze(wallet_id=wallet.id, actor=staff, reason=" suspicion ")
    assert wallet_reopen(wallet_id=wallet.id, actor=staff, reason="cleared")
    assert wallet_close(wallet_id=wallet.id, actor=staff, reason="asked to")
    who = {"actor": staff.pk, "actor_name": "staff"}
    assert trail(wallet) == [
        ("frozen", {**who, "reason": "suspicion"}),
        ("open", {**who, "reason": "cleared"}),
        ("closed", {**who, "reason": "asked to"}),
    ]
    assert wallet_of_id(wallet.id).status == "closed"


def test_the_trail_belongs_to_its_wallet(wallet: Wallet, staff: User) -> None:
    other = wallet_of(person("bob"))
    wallet_freeze(wallet_id=wallet.id, actor=staff, reason="suspicion")
    assert [event.status for event in wallet.status_events.all()] == ["frozen"]
    assert not other.status_events.exists()


@pytest.mark.parametrize("status", SERVICES)
def test_setting_the_status_that_a_wallet_already_has_changes_nothing(wallet: Wallet, staff: User, status: str) -> None:
    service = SERVICES[status]
    service(wallet_id=wallet.id, actor=staff, reason="first")
    before = trail(wallet)
    assert service(wallet_id=wallet.id, actor=staff, reason="second") is False
    assert trail(wallet) == before


@pytest.mark.parametrize("status", SERVICES)
@pytest.mark.parametrize("reason", ["", " ", "\t\n"])
def test_a_reason_is_required(wallet: Wallet, staff: User, status: str, reason: str) -> None:
    with pytest.raises(WalletError) as refusal:
        SERVICES[status](wallet_id=wallet.id, actor=staff, reason=reason)
    assert refusal.value.code == ErrorCode.MALFORMED
    assert set(refusal.value.fields) == {"reason"}
    assert trail(wallet) == []


@pytest.mark.parametrize("status", SERVICES)
@pytest.mark.parametrize("wallet_id", [840, 0, -1, 4_711_000, 2**63, 2**80])
def test_the_status_of_outside_wallets_and_unknown_wallets_cannot_be_changed(
    staff: User, status: str, wallet_id: int
) -> None:
    with pytest.raises(WalletError) as refusal:
        SERVICES[status](wallet_id=wallet_id, actor=staff, reason="because")
    assert refusal.value.code == ErrorCode.NOT_FOUND
    assert not WalletStatusEvent.objects.exists()


@pytest.mark.parametrize("reason", ['it\'s "quoted"; -- %s %(x)s {0} \\', "½ 🏠 مرحبا", "two\nlines", "x" * 5_000])
def test_any_reason_is_stored_unchanged(wallet: Wallet, staff: User, reason: str) -> None:
    wallet_freeze(wallet_id=wallet.id, actor=staff, reason=reason)
    ((_, context),) = trail(wallet)
    assert context == {"actor": staff.pk, "actor_name": "staff", "reason": reason}


def test_a_wallet_that_holds_money_cannot_be_closed(wallet: Wallet, staff: User) -> None:
    deposit(wallet, 1)
    with pytest.raises(WalletError, match="Only an empty wallet") as refusal:
        wallet_close(wallet_id=wallet.id, actor=staff, reason="asked to")
    assert refusal.value.code == ErrorCode.MALFORMED
    assert wallet_of_id(wallet.id).status == "open"
    assert trail(wallet) == []


@pytest.mark.parametrize("change", [wallet_freeze, wallet_reopen, wallet_close])
def test_a_change_of_status_does_not_change_money(wallet: Wallet, staff: User, change: Callable[..., bool]) -> None:
    before = wallet_of_id(wallet.id)
    change(wallet_id=wallet.id, actor=staff, reason="because")
    after = wallet_of_id(wallet.id)
    assert (after.balance, after.version, after.updated_at) == (before.balance, before.version, before.updated_at)
