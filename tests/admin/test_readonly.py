"""Nobody, not even a superuser, can change the books in the admin."""

from collections.abc import Callable

import pytest
from django.test import Client

from tests.audit.books import Books
from tests.staff import browser_of
from transactions.audit import books_audit
from transactions.models import Entry, Transaction
from wallets.models import User, Wallet, WalletStatusEvent
from wallets.services import wallet_freeze

MODELS: dict[str, type[Transaction | Entry | Wallet | WalletStatusEvent]] = {
    "/admin/transactions/transaction/": Transaction,
    "/admin/transactions/entry/": Entry,
    "/admin/wallets/wallet/": Wallet,
    "/admin/wallets/walletstatusevent/": WalletStatusEvent,
}


@pytest.fixture(autouse=True)
def _frozen(books: Books, root: User) -> None:
    wallet_freeze(wallet_id=books.bob, actor=root, reason="Something to look at")


@pytest.mark.parametrize("path", MODELS)
def test_rows_cannot_be_added(superuser: Client, path: str) -> None:
    before = MODELS[path].objects.count()

    assert superuser.get(f"{path}add/").status_code == 403
    assert superuser.post(f"{path}add/", {"amount": "1"}).status_code == 403
    assert MODELS[path].objects.count() == before


@pytest.mark.parametrize("path", MODELS)
def test_rows_cannot_be_changed(superuser: Client, path: str) -> None:
    row = MODELS[path].objects.order_by("-pk").first()
    assert row is not None
    fields = [field.attname for field in row._meta.concrete_fields if not field.primary_key]
    before = {name: getattr(row, name) for name in fields}

    assert superuser.get(f"{path}{row.pk}/change/").status_code == 200
    response = superuser.post(
        f"{path}{row.pk}/change/", {"balance": "999", "amount": "999", "status": "open", "memo": "x"}
    )

    assert response.status_code == 403
    row.refresh_from_db()
    assert {name: getattr(row, name) for name in fields} == before


@pytest.mark.parametrize("path", MODELS)
def test_rows_cannot_be_deleted(superuser: Client, path: str) -> None:
    rows = MODELS[path].objects
    count, pk = rows.count(), rows.values_list("pk", flat=True)[0]

    assert superuser.post(f"{path}{pk}/delete/", {"post": "yes"}).status_code == 403
    superuser.post(path, {"action": "delete_selected", "_selected_action": [pk], "post": "yes"})

    assert rows.count() == count
    assert "delete_selected" not in superuser.get(path).content.decode()


@pytest.mark.parametrize("path", MODELS)
def test_a_list_has_no_field_to_edit(superuser: Client, path: str) -> None:
    page = superuser.get(path).content.decode()

    assert 'name="form-0-' not in page
    assert "addlink" not in page


def test_the_books_balance_after_attempts_to_change_all_rows(superuser: Client, books: Books) -> None:
    for path, model in MODELS.items():
        for pk in model.objects.values_list("pk", flat=True):
            superuser.post(f"{path}{pk}/change/", {"amount": "5", "balance": "5"})
            superuser.post(f"{path}{pk}/delete/", {"post": "yes"})

    audit = books_audit()
    assert (audit.clean, audit.entry_count) == (True, 6)


@pytest.mark.parametrize("path", MODELS)
def test_staff_without_a_permission_see_nothing(staff_create: Callable[..., User], path: str) -> None:
    newcomer = browser_of(staff_create("newcomer"))

    assert newcomer.get(path).status_code == 403
