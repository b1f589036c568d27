"""Every entry point that changes a cached object fences it: after the call no reader gets the old object."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import transaction
from django.test import Client, override_settings
from django.urls import reverse

from tests.api.client import Api, person
from tests.architecture.test_module_rules import WRITES, calls, modules, names_in
from tests.cache.remembered import forgotten, remember
from tests.dead_letter_desk.letters import dead_make
from tests.people import PASSWORD
from tests.people import deposit as deposit_made
from tests.settlement.transfers import drain_all
from tests.staff import browser_of
from tests.wallets.hashing import REAL_HASHERS
from transactions.names import transaction_name, unposted_name
from transactions.recipients import TransferRequest
from transactions.services import deposit_create, transfer_create, transfers_submit, withdrawal_create
from transactions.settlement.dead_letters import dead_letter_fail
from transactions.tasks import partition_drain_task
from wallets.auth.locking import account_lock
from wallets.auth.sessions.devices import session_end_one, sessions_end_others
from wallets.auth.sign_in import password_check
from wallets.auth.staff.actions import staff_sessions_end
from wallets.cache_names import session_name, token_name, user_name, wallet_name, wallets_name
from wallets.models import ApiToken, User, Wallet, WalletStatus
from wallets.models.sessions import BrowserSession
from wallets.services import password_changed, wallet_close, wallet_freeze, wallet_open, wallet_reopen
from wallets.tokens.services import token_issue, token_revoke, tokens_delete_expired, tokens_revoke_all

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Cast:
    """Alice and Bob with money, Charlie without, and a member of staff."""

    alice: User
    alice_wallet: Wallet
    bob: User
    bob_wallet: Wallet
    charlie: User
    charlie_wallet: Wallet
    staff: User

    def api(self) -> Api:
        return person(self.alice).api

    def browser(self, user: User) -> Client:
        return browser_of(user)


@pytest.fixture
def cast(trusted_cache: None, alice: User, bob: User, charlie: User) -> Cast:
    wallets = {wallet.owner_id: wallet for wallet in Wallet.objects.filter(owner__isnull=False).select_related("owner")}
    for person_ in (alice, bob):
        deposit_made(wallets[person_.pk], 100)
    staff = User.objects.create_superuser(username="staff", email="staff@example.com", password="!")
    return Cast(alice, wallets[alice.pk], bob, wallets[bob.pk], charlie, wallets[charlie.pk], staff)


def deposit(cast: Cast) -> None:
    deposit_create(actor=cast.alice, wallet_id=cast.alice_wallet.id, amount=1)


def withdrawal(cast: Cast) -> None:
    withdrawal_create(actor=cast.alice, wallet_id=cast.alice_wallet.id, amount=1)


def transfer(cast: Cast) -> None:
    transfer_create(
        actor=cast.alice, request=TransferRequest(source_id=cast.alice_wallet.id, recipient="bob", amount=1)
    )


def transfer_over_v1(cast: Cast) -> None:
    body = {"source": str(cast.alice_wallet.id), "recipient": "bob", "amount": 1}
    assert cast.api().post("/transfers", body).status_code == 201


def transfer_by_worker(cast: Cast) -> None:
    request = TransferRequest(source_id=cast.alice_wallet.id, recipient="bob", amount=1)
    transfers_submit(actor=cast.alice, requests=[request])
    for partition in range(64):
        partition_drain_task(partition)


def transfers_in_bulk_over_v2(cast: Cast) -> None:
    one = {"source": str(cast.alice_wallet.id), "recipient": "bob", "amount": 1}
    answer = cast.api().client.post(
        "/api/v2/transfers/bulk",
        json.dumps({"transfers": [one, one]}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {token_issue(user=cast.alice, name='bulk')[1]}"},
    )
    assert answer.status_code == 202
    drain_all()


def freezing_in_the_admin(cast: Cast) -> None:
    url = reverse("admin:wallets_wallet_status", args=["freeze"])
    answer = cast.browser(cast.staff).post(f"{url}?ids={cast.alice_wallet.id}", {"reason": "Asked for by Alice."})
    assert answer.status_code == 302
    assert Wallet.objects.get(id=cast.alice_wallet.id).status == WalletStatus.FROZEN


def freezing(cast: Cast) -> None:
    assert wallet_freeze(wallet_id=cast.alice_wallet.id, actor=cast.staff, reason="Asked for.")


def reopening(cast: Cast) -> None:
    assert wallet_reopen(wallet_id=cast.alice_wallet.id, actor=cast.staff, reason="Asked for.")


def closing(cast: Cast) -> None:
    assert wallet_close(wallet_id=cast.charlie_wallet.id, actor=cast.staff, reason="Asked for.")


def _wallets(cast: Cast) -> set[str]:
    return {wallet_name(wallet.id) for wallet in (cast.alice_wallet, cast.bob_wallet, cast.charlie_wallet)}


@pytest.mark.parametrize(
    ("write", "whose"),
    [
        (deposit, ["alice"]),
        (withdrawal, ["alice"]),
        (transfer, ["alice", "bob"]),
        (transfer_over_v1, ["alice", "bob"]),
        (transfer_by_worker, ["alice", "bob"]),
        (transfers_in_bulk_over_v2, ["alice", "bob"]),
        (freezing_in_the_admin, ["alice"]),
        (freezing, ["alice"]),
        (closing, ["charlie"]),
    ],
)
def test_a_write_evicts_the_wallets_that_it_changes_and_no_others(
    write: Callable[[Cast], None], whose: list[str], cast: Cast
) -> None:
    remember(sorted(_wallets(cast)))

    write(cast)

    assert forgotten(sorted(_wallets(cast))) == {wallet_name(getattr(cast, f"{name}_wallet").id) for name in whose}


def test_reopening_evicts(cast: Cast) -> None:
    freezing(cast)
    remember([wallet_name(cast.alice_wallet.id)])

    reopening(cast)

    assert forgotten([wallet_name(cast.alice_wallet.id)])


def test_opening_a_wallet_evicts_its_owners_list_of_wallets(cast: Cast) -> None:
    remember([wallets_name(cast.alice.pk), wallets_name(cast.bob.pk)])

    wallet_open(owner=cast.alice, currency="EUR")

    assert forgotten([wallets_name(cast.alice.pk), wallets_name(cast.bob.pk)]) == {wallets_name(cast.alice.pk)}


def test_accepting_and_settling_evict_the_transfer_and_the_list_of_pending_ones(cast: Cast) -> None:
    on_its_way = unposted_name(cast.alice_wallet.id)
    remember([on_its_way])
    request = TransferRequest(source_id=cast.alice_wallet.id, recipient="bob", amount=1)
    (accepted,) = transfers_submit(actor=cast.alice, requests=[request])
    assert forgotten([on_its_way])

    settled = transaction_name(accepted.transaction.id)  # type: ignore[union-attr]
    remember([settled])
    drain_all()

    assert forgotten([settled, on_its_way]) == {settled, on_its_way}


def test_failing_a_dead_letter_evicts_the_transfer(cast: Cast) -> None:
    transfer = dead_make(cast.alice, "bob", amount=1)
    names = [transaction_name(transfer.id), unposted_name(cast.alice_wallet.id)]
    remember(names)

    dead_letter_fail(transaction_id=transfer.id, actor=None, note="No way.")

    assert forgotten(names) == set(names)


def revoking(user: User, digest: str) -> None:
    token_revoke(user=user, digest=digest)


def revoking_all(user: User, digest: str) -> None:
    tokens_revoke_all(user=user)


def sweeping(user: User, digest: str) -> None:
    ApiToken.objects.filter(digest=digest).update(expiry="2020-01-01T00:00:00Z")
    tokens_delete_expired()


@pytest.mark.parametrize("revoke", [revoking, revoking_all, sweeping])
def test_a_revoked_token_is_evicted(revoke: Callable[[User, str], None], cast: Cast) -> None:
    token, other = token_issue(user=cast.alice, name="hers")[0], token_issue(user=cast.bob, name="his")[0]
    names = [token_name(token.digest), token_name(other.digest)]
    remember(names)

    revoke(cast.alice, token.digest)

    assert forgotten(names) == {names[0]}


def deactivating(cast: Cast) -> None:
    url = reverse("admin:wallets_user_change", args=[cast.alice.pk])
    fields = {"reason": "Asked for.", "wallets-TOTAL_FORMS": "0", "wallets-INITIAL_FORMS": "0"}
    assert cast.browser(cast.staff).post(url, fields).status_code == 302


def password_changing(cast: Cast) -> None:
    with transaction.atomic():
        password_changed(user=cast.alice)


def test_a_deactivated_account_is_evicted_with_its_tokens(cast: Cast) -> None:
    token = token_issue(user=cast.alice, name="hers")[0]
    names = [user_name(cast.alice.pk), token_name(token.digest)]
    remember(names)

    url = reverse("admin:wallets_user_change", args=[cast.alice.pk])
    answer = cast.browser(cast.staff).post(
        url, {"reason": "Asked for.", "wallets-TOTAL_FORMS": "0", "wallets-INITIAL_FORMS": "0"}
    )

    assert answer.status_code == 302
    assert not User.objects.get(pk=cast.alice.pk).is_active
    assert forgotten(names) == set(names)


def test_a_locked_account_is_evicted_with_its_tokens(cast: Cast) -> None:
    token = token_issue(user=cast.alice, name="hers")[0]
    names = [user_name(cast.alice.pk), token_name(token.digest)]
    remember(names)

    assert account_lock(user_id=cast.alice.pk, via="page")

    assert forgotten(names) == set(names)


def one_session(cast: Cast) -> None:
    (session,) = BrowserSession.objects.filter(user=cast.alice)
    session_end_one(user=cast.alice, session_id=session.pk)


@pytest.mark.parametrize(
    "end",
    [
        one_session,
        lambda cast: sessions_end_others(user=cast.alice, current=None),
        lambda cast: account_lock(user_id=cast.alice.pk, via="page"),
        lambda cast: staff_sessions_end(actor=cast.staff, user=cast.alice, reason="Asked for."),
        deactivating,
        password_changing,
    ],
    ids=["one", "others", "locked", "by staff", "deactivated", "password"],
)
def test_a_session_that_ends_is_evicted(end: Callable[[Cast], object], cast: Cast) -> None:
    hers, his = (session_name(_session_hash(cast.browser(user))) for user in (cast.alice, cast.bob))
    remember([hers, his])

    end(cast)

    assert forgotten([hers, his]) == {hers}


def _session_hash(browser: Client) -> str:
    return hashlib.sha256(browser.cookies["sessionid"].value.encode()).hexdigest()


def test_a_user_whose_password_is_hashed_anew_is_evicted(cast: Cast) -> None:
    old = PBKDF2PasswordHasher().encode(PASSWORD, "salt", 1_000)
    User.objects.filter(pk=cast.alice.pk).update(password=old)
    names = [user_name(cast.alice.pk)]
    remember(names)

    with override_settings(PASSWORD_HASHERS=REAL_HASHERS):
        assert password_check(login="alice", password=PASSWORD, request=None) == cast.alice

    assert forgotten(names) == set(names)


#: The models whose rows are cached. The ledger also writes some of them, and fences what it writes.
CACHED = {"Wallet", "ApiToken", "User", "EmailAddress", "BrowserSession", "tokens"}


def test_only_these_modules_write_to_cached_models() -> None:
    writers = {
        path
        for path, tree in modules()
        for call in calls(tree)
        if getattr(call.func, "attr", None) in WRITES and names_in(call.func) & CACHED
    }
    assert writers == {
        "wallets/services.py",
        # Sessions: ending them, and the session engine.
        "wallets/sessions/services.py",
        "wallets/auth/sessions/engine.py",
        "wallets/tokens/services.py",
        # Spending limits, which are not cached.
        "wallets/spending.py",
        # Addresses, which are not cached; what undoing a change does to the password is fenced.
        "wallets/addresses.py",
        # A new account, which nothing has read yet.
        "transactions/funding/deposits.py",
        # In the same database transaction that creates the users and wallets.
        "transactions/demo/people.py",
        # They fence the user: locking, an older hash that is replaced, a lock that staff make permanent.
        "wallets/auth/locking.py",
        "wallets/auth/sign_in.py",
        "wallets/auth/staff/actions.py",
    }
