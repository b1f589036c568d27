"""Text that users chose reorders nothing on a page, whatever invisible characters it contains."""

import pytest
from django.test import Client

from tests.pages.kit import fill, text_of
from tests.staff import browser_of, superuser_create
from transactions.models import Transaction
from transactions.services import deposit_create
from wallets.domain.text import direction_controls_remove
from wallets.models import User
from wallets.templatetags.ui import isolated
from wallets.tokens.services import token_issue

#: Each one starts, ends or overrides a span of a direction.
CONTROLS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
FORGED = "Refund \u202e00.001$\u2069 paid"


def test_direction_controls_disappear_and_letters_of_every_script_stay() -> None:
    assert direction_controls_remove(f"a{CONTROLS}b") == "ab"
    kept = "שלום, مرحبا \u200f\u200e\u061c 100"
    assert direction_controls_remove(kept) == kept


def test_text_by_a_user_is_isolated_and_escaped() -> None:
    assert isolated("<b>\u202e") == "<bdi>&lt;b&gt;</bdi>"


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["/", "/history/", "receipt"])
def test_a_note_is_shown_without_its_direction_controls(client: Client, alice: User, page: str) -> None:
    client.force_login(alice)
    wallet = alice.wallets.get()
    deposit_create(actor=alice, wallet_id=wallet.pk, amount=100, memo=FORGED)
    path = f"/transactions/{Transaction.objects.get().pk}/" if page == "receipt" else page
    text = text_of(client.get(path))
    assert "<bdi>Refund 00.001$ paid</bdi>" in text
    assert not set(CONTROLS) & set(text)


@pytest.mark.django_db
def test_the_review_of_a_transfer_shows_no_direction_controls(client: Client, alice: User, bob: User) -> None:
    client.force_login(alice)
    deposit_create(actor=alice, wallet_id=alice.wallets.get().pk, amount=10_000)
    response = fill(client, "/send/", recipient="bob", amount="20", memo=FORGED)
    text = text_of(client.get(response["Location"]) if response.status_code == 302 else response)
    assert "<bdi>Refund 00.001$ paid</bdi>" in text
    assert "<bdi>bob</bdi>" in text
    assert not set(CONTROLS) & set(text)


@pytest.mark.django_db
def test_the_name_of_a_token_shows_no_direction_controls(client: Client, alice: User) -> None:
    client.force_login(alice)
    token_issue(user=alice, name=FORGED)
    text = text_of(client.get("/tokens/"))
    assert "<bdi>Refund 00.001$ paid</bdi>" in text
    assert not set(CONTROLS) & set(text)


@pytest.mark.django_db
def test_the_admin_shows_a_note_without_its_direction_controls(alice: User) -> None:
    deposit_create(actor=alice, wallet_id=alice.wallets.get().pk, amount=100, memo=FORGED)
    number = Transaction.objects.get().pk
    staff = browser_of(superuser_create())
    for path in ("/admin/transactions/transaction/", f"/admin/transactions/transaction/{number}/change/"):
        text = text_of(staff.get(path))
        assert "<bdi>Refund 00.001$ paid</bdi>" in text
        assert not set(CONTROLS) & set(text)
