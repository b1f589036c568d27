"""Limits are lowered at once and raised a day later."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from tests.database import acting_as
from tests.people import funded, wallet_of, wallet_of_id
from tests.spending import day_passes
from wallet_project.embedded import WEB_ROLE
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User, Wallet
from wallets.services import wallet_open
from wallets.spending import LimitsView, limits_list, limits_reduce, limits_set, step_up_set

pytestmark = pytest.mark.django_db


@pytest.fixture
def wallet() -> Wallet:
    return funded("alice", 1_000)


def changed(wallet: Wallet, per_payment: int | None, per_day: int | None) -> LimitsView:
    assert wallet.owner
    return limits_set(owner=wallet.owner, wallet_id=wallet.pk, per_payment=per_payment, per_day=per_day)


def seen(wallet: Wallet) -> LimitsView:
    assert wallet.owner
    (view,) = [view for view in limits_list(owner=wallet.owner) if view.wallet_id == wallet.pk]
    return view


def test_a_new_wallet_has_no_limits_and_the_default_step_up_amount(wallet: Wallet) -> None:
    view = seen(wallet)
    assert (view.per_payment, view.per_day, view.left_today) == (None, None, None)
    assert view.step_up_above == settings.STEP_UP_AMOUNTS["USD"] == 10_000


def test_limits_are_lowered_at_once(wallet: Wallet) -> None:
    changed(wallet, 100, 500)
    view = changed(wallet, 50, 200)
    assert (view.per_payment, view.per_day, view.next_at) == (50, 200, None)


def test_limits_are_raised_in_a_day(wallet: Wallet) -> None:
    changed(wallet, 100, 500)
    view = changed(wallet, 200, None)
    assert (view.per_payment, view.per_day) == (100, 500)
    assert (view.next_per_payment, view.next_per_day) == (200, None)
    assert view.next_at
    assert abs(view.next_at - timezone.now() - timedelta(days=1)) < timedelta(seconds=30)
    day_passes(wallet)
    view = seen(wallet)
    assert (view.per_payment, view.per_day, view.next_at) == (200, None, None)


def test_one_limit_is_lowered_at_once_while_the_other_waits(wallet: Wallet) -> None:
    changed(wallet, 100, 500)
    view = changed(wallet, 200, 300)
    assert (view.per_payment, view.per_day) == (100, 300)
    assert (view.next_per_payment, view.next_per_day) == (200, 300)


def test_asking_again_does_not_prolong_the_wait_and_asking_for_more_begins_it_anew(wallet: Wallet) -> None:
    changed(wallet, 100, 500)
    first = changed(wallet, 200, 500)
    assert changed(wallet, 200, 500).next_at == first.next_at
    more = changed(wallet, 201, 500)
    assert more.next_at
    assert first.next_at
    assert more.next_at > first.next_at


def test_setting_what_counts_now_cancels_a_raise(wallet: Wallet) -> None:
    changed(wallet, 100, 500)
    changed(wallet, 200, 500)
    view = changed(wallet, 100, 500)
    assert (view.next_at, view.next_per_payment) == (None, None)


def test_limits_can_be_changed_after_a_raise_has_begun_to_count(wallet: Wallet) -> None:
    changed(wallet, 100, 500)
    changed(wallet, 200, 500)
    day_passes(wallet)
    view = changed(wallet, 150, 600)
    assert (view.per_payment, view.per_day, view.next_per_day) == (150, 500, 600)


def test_limits_that_are_not_set_are_not_counted(wallet: Wallet) -> None:
    changed(wallet, None, None)
    assert wallet_of_id(wallet.pk).spent_on is None


@pytest.mark.parametrize("amount", [-1, 10**15])
def test_an_impossible_limit_is_malformed(wallet: Wallet, amount: int) -> None:
    with pytest.raises(WalletError) as refusal:
        changed(wallet, 1, amount)
    assert (refusal.value.code, set(refusal.value.fields)) == (ErrorCode.MALFORMED, {"per_day"})


def test_another_users_wallet_is_not_found(wallet: Wallet, bob: User) -> None:
    with pytest.raises(WalletError) as refusal:
        limits_set(owner=bob, wallet_id=wallet.pk, per_payment=1, per_day=1)
    assert refusal.value.code == ErrorCode.NOT_FOUND
    with pytest.raises(WalletError) as refusal:
        step_up_set(owner=bob, wallet_id=wallet.pk, above=1)
    assert refusal.value.code == ErrorCode.NOT_FOUND


def test_a_reset_reduces_every_wallet_for_a_day(wallet: Wallet) -> None:
    owner = wallet.owner
    assert owner
    wallet_open(owner=owner, currency="JPY")
    assert limits_reduce(user=owner) == ["$250.00", "¥40,000"]
    view = seen(wallet)
    assert (view.per_day, view.reduced_per_day, view.left_today) == (None, 25_000, 25_000)
    assert view.reduced_until
    assert abs(view.reduced_until - timezone.now() - timedelta(days=1)) < timedelta(seconds=30)
    assert seen(wallet_of(owner, "JPY")).left_today == 40_000
    day_passes(wallet)
    assert (seen(wallet).reduced_until, seen(wallet).left_today) == (None, None)


def test_a_reset_never_raises_a_limit(wallet: Wallet) -> None:
    assert wallet.owner
    changed(wallet, None, 100)
    limits_reduce(user=wallet.owner)
    limits_reduce(user=wallet.owner)
    assert (seen(wallet).per_day, seen(wallet).left_today) == (100, 100)


def test_a_process_without_books_can_reduce_limits_and_nothing_else(wallet: Wallet) -> None:
    assert wallet.owner
    with acting_as(WEB_ROLE):
        assert limits_reduce(user=wallet.owner) == ["$250.00"]
    assert seen(wallet).reduced_per_day == 25_000


def test_a_view_survives_its_way_between_processes(wallet: Wallet) -> None:
    changed(wallet, 100, 500)
    view = changed(wallet, 200, 500)
    assert LimitsView.from_json(view.to_json()) == view
