"""Staff with the permission freeze, reopen and close wallets: with a reason, and recorded in the audit trail."""

import threading
from collections.abc import Callable

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client

from tests.admin.conftest import VIEWS
from tests.audit.books import Books
from tests.staff import browser_of
from transactions.services import deposit_create
from wallets.admin.status import CHANGES, WALLETS_MAX
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import User, Wallet, WalletStatus, WalletStatusEvent
from wallets.services import user_register, wallet_freeze

LIST = "/admin/wallets/wallet/"


def _status_url(name: str, *ids: int) -> str:
    return f"{LIST}status/{name}/?ids={','.join(map(str, ids))}"


def _status(wallet_id: int) -> str:
    return Wallet.objects.get(id=wallet_id).status


def test_a_frozen_wallet_moves_no_money_until_it_is_reopened(superuser: Client, books: Books, alice: User) -> None:
    superuser.post(_status_url("freeze", books.alice), {"reason": "Stolen phone"})
    with pytest.raises(WalletError) as refused:
        deposit_create(actor=alice, wallet_id=books.alice, amount=1)
    assert refused.value.code is ErrorCode.WALLET_FROZEN

    superuser.post(_status_url("reopen", books.alice), {"reason": "Phone found"})

    assert deposit_create(actor=alice, wallet_id=books.alice, amount=1).transaction.status == "posted"


@pytest.mark.parametrize("name", CHANGES)
def test_staff_cannot_change_their_own_wallet(name: str, superuser: Client, root: User) -> None:
    own = Wallet.objects.get(owner=root)
    before = "frozen" if name == "reopen" else "open"
    Wallet.objects.filter(id=own.id).update(status=before)

    page = superuser.post(_status_url(name, own.id), {"reason": "For me"}, follow=True).content.decode()

    assert "This is your own wallet. Ask a colleague." in page
    assert _status(own.id) == before


def test_the_trail_shows_who_froze_a_wallet_when_and_why(superuser: Client, books: Books, root: User) -> None:
    response = superuser.post(_status_url("freeze", books.alice), {"reason": "  Stolen phone  "})

    assert response["Location"] == f"{LIST}{books.alice}/change/"
    (event,) = WalletStatusEvent.objects.all()
    assert (event.pgh_obj_id, event.status) == (books.alice, WalletStatus.FROZEN)
    assert event.pgh_context == {"actor": root.pk, "actor_name": "root", "reason": "Stolen phone"}
    (logged,) = LogEntry.objects.all()
    assert (logged.user_id, logged.object_id, logged.change_message) == (
        root.pk,
        str(books.alice),
        "Frozen: Stolen phone",
    )
    for path in (f"{LIST}{books.alice}/change/", "/admin/wallets/walletstatusevent/"):
        page = superuser.get(path).content.decode()
        assert "Stolen phone" in page
        assert "root" in page
        assert f"{event.pgh_created_at:%Y-%m-%d %H:%M:%S}" in page


def test_the_trail_shows_a_change_made_in_the_database(superuser: Client, books: Books) -> None:
    Wallet.objects.filter(id=books.alice).update(status=WalletStatus.FROZEN)

    assert "unknown (changed in the database)" in superuser.get(f"{LIST}{books.alice}/change/").content.decode()


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("reason", ["", "   ", None])
def test_nothing_is_changed_without_a_reason(superuser: Client, books: Books, name: str, reason: str | None) -> None:
    wallet_id = books.charlie
    if name == "reopen":
        Wallet.objects.filter(id=wallet_id).update(status=WalletStatus.FROZEN)
    before = _status(wallet_id), WalletStatusEvent.objects.count()

    response = superuser.post(_status_url(name, wallet_id), {} if reason is None else {"reason": reason})

    assert response.status_code == 422
    assert "This field is required." in response.content.decode()
    assert (_status(wallet_id), WalletStatusEvent.objects.count()) == before


def test_too_long_a_reason_is_refused(superuser: Client, books: Books) -> None:
    assert superuser.post(_status_url("freeze", books.alice), {"reason": "x" * 501}).status_code == 422
    assert _status(books.alice) == WalletStatus.OPEN


def test_viewing_the_confirmation_changes_nothing(superuser: Client, books: Books) -> None:
    page = superuser.get(_status_url("freeze", books.alice)).content.decode()

    assert "Freeze alice USD?" in page
    assert "$70.00" in page
    assert _status(books.alice) == WalletStatus.OPEN


def test_several_wallets_are_selected_in_the_list_and_frozen_together(superuser: Client, books: Books) -> None:
    selected = {"action": "freeze", "_selected_action": [str(books.alice), str(books.bob)]}

    to_confirm = superuser.post(LIST, selected)
    page = superuser.get(to_confirm["Location"]).content.decode()
    done = superuser.post(to_confirm["Location"], {"reason": "An inquiry"}, follow=True)

    assert "Freeze 2 wallets?" in page
    assert [_status(id_) for id_ in (books.alice, books.bob, books.charlie)] == ["frozen", "frozen", "open"]
    assert done.wsgi_request.path == LIST
    assert "Frozen: alice USD." in done.content.decode()


def test_a_wallet_that_is_frozen_already_is_left_as_it_is(superuser: Client, books: Books, root: User) -> None:
    wallet_freeze(wallet_id=books.alice, actor=root, reason="First")

    page = superuser.get(_status_url("freeze", books.alice, books.bob)).content.decode()
    done = superuser.post(
        _status_url("freeze", books.alice, books.bob), {"reason": "Second"}, follow=True
    ).content.decode()

    assert "These cannot be" in page
    assert "Unchanged: alice USD." in done
    assert WalletStatusEvent.objects.filter(pgh_obj=books.alice).count() == 1
    assert _status(books.bob) == WalletStatus.FROZEN


def test_only_an_empty_wallet_can_be_closed(superuser: Client, books: Books) -> None:
    done = superuser.post(_status_url("close", books.alice, books.charlie), {"reason": "Asked for it"}, follow=True)

    assert (_status(books.alice), _status(books.charlie)) == (WalletStatus.OPEN, WalletStatus.CLOSED)
    assert "Not closed: alice USD. Only an empty wallet can be closed." in done.content.decode()
    assert [logged.object_id for logged in LogEntry.objects.all()] == [str(books.charlie)]


@pytest.mark.parametrize("ids", ["", "x", "840", "1,2", "9" * 40, "٣", ",", "-1"])
def test_there_is_no_page_for_wallets_that_do_not_exist(superuser: Client, books: Books, ids: str) -> None:
    assert superuser.get(f"{LIST}status/freeze/", {"ids": ids}).status_code == 404
    assert superuser.post(f"{LIST}status/freeze/?ids={ids}", {"reason": "x"}).status_code == 404


def test_there_is_no_other_change(superuser: Client, books: Books) -> None:
    assert superuser.get(_status_url("empty", books.alice)).status_code == 404


def test_too_long_a_selection_is_refused(superuser: Client, db: None) -> None:
    for number in range(WALLETS_MAX + 1):
        user_register(username=f"p{number}", email=f"p{number}@example.com", password="x")
    ids = list(Wallet.objects.filter(owner__isnull=False).values_list("id", flat=True))

    page = superuser.post(LIST, {"action": "freeze", "_selected_action": ids}, follow=True).content.decode()

    assert f"Select at most {WALLETS_MAX} wallets." in page


def test_staff_who_may_only_view_cannot_freeze(clerk: Client, books: Books) -> None:
    wallet_page = clerk.get(f"{LIST}{books.alice}/change/").content.decode()
    list_page = clerk.get(LIST).content.decode()

    assert "Freeze" not in wallet_page
    assert "Freeze" not in list_page
    assert clerk.get(_status_url("freeze", books.alice)).status_code == 403
    assert clerk.post(_status_url("freeze", books.alice), {"reason": "Because"}).status_code == 403
    clerk.post(LIST, {"action": "freeze", "_selected_action": [str(books.alice)]})
    assert _status(books.alice) == WalletStatus.OPEN
    assert not WalletStatusEvent.objects.exists()


def test_freezing_needs_its_own_permission_and_no_other_change_permission(
    staff_create: Callable[..., User], books: Books
) -> None:
    guard = browser_of(staff_create("guard", *VIEWS, "freeze_wallet"))

    assert "Freeze wallet" in guard.get(f"{LIST}{books.alice}/change/").content.decode()
    guard.post(_status_url("freeze", books.alice), {"reason": "Stolen phone"})

    assert _status(books.alice) == WalletStatus.FROZEN


def test_a_customer_cannot_freeze(books: Books, alice: User) -> None:
    response = browser_of(alice).post(_status_url("freeze", books.bob), {"reason": "Because"}, follow=True)

    assert response.status_code == 403
    assert _status(books.bob) == WalletStatus.OPEN


@pytest.mark.parametrize("sql", ["UPDATE {} SET status = 'open'", "DELETE FROM {}"])
def test_the_trail_cannot_be_changed(books: Books, root: User, sql: str) -> None:
    wallet_freeze(wallet_id=books.alice, actor=root, reason="Stolen phone")

    with pytest.raises(Exception, match="append-only"), connection.cursor() as cursor:
        cursor.execute(sql.format("wallets_walletstatusevent"))


@pytest.mark.django_db(transaction=True)
def test_two_staff_who_freeze_at_once_record_one_event(staff_create: Callable[..., User], books: Books) -> None:
    guards = [browser_of(staff_create(name, *VIEWS, "freeze_wallet")) for name in ("guard1", "guard2")]
    start = threading.Barrier(len(guards))
    statuses: list[int] = []

    def freeze(guard: Client) -> None:
        try:
            start.wait(timeout=10)
            statuses.append(guard.post(_status_url("freeze", books.alice), {"reason": "Both saw it"}).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=freeze, args=(guard,)) for guard in guards]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)

    assert statuses == [302, 302]
    assert _status(books.alice) == WalletStatus.FROZEN
    assert WalletStatusEvent.objects.count() == 1
    assert LogEntry.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_wallet_that_stays_locked_is_left_as_it_is(superuser: Client, books: Books) -> None:
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("BEGIN")
                cursor.execute("SELECT 1 FROM wallets_wallet WHERE id = %s FOR UPDATE", [books.alice])
                locked.set()
                done.wait(timeout=20)
                cursor.execute("ROLLBACK")
        finally:
            connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert locked.wait(timeout=10)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '100ms'")
        page = superuser.post(_status_url("freeze", books.alice), {"reason": "Stolen phone"}, follow=True)
    finally:
        done.set()
        holder.join(timeout=20)
        connection.close()

    assert "Not frozen: alice USD. It is in use; try again." in page.content.decode()
    assert _status(books.alice) == WalletStatus.OPEN
