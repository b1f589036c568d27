"""Attacks: wallets with a wrong balance or another owner, and users whose names could be confused."""

from tests.ledger.raw import USD, Attack, Books, WalletRow
from wallets.domain.money import BALANCE_MAX

_UNKNOWN = 5_000


def _update(rule: str, title: str, which: str, assignment: str) -> Attack:
    return Attack(
        rule,
        title,
        lambda b: (
            f"UPDATE wallets_wallet SET {assignment.format(new=b.new, user=b.user + 1)} WHERE id = {_id(b, which)}"
        ),
    )


def _id(books: Books, which: str) -> int:
    return USD if which == "outside" else int(getattr(books, which))


def _insert(rule: str, title: str, row: str) -> Attack:
    """A new wallet with these columns: id, owner, currency, status, balance, version."""
    return Attack(
        rule,
        title,
        lambda b: (
            "INSERT INTO wallets_wallet (id, owner_id, currency, status, balance, version) "
            f"VALUES ({row.format(new=b.new, user=b.user, alice=b.alice)})"
        ),
    )


MONEY = [
    _insert("wallet_starts_empty", "born rich", "{new}, {user}, 'JPY', 'open', 1, 0"),
    _insert("wallet_starts_empty", "born with a past", "{new}, {user}, 'JPY', 'open', 0, 1"),
    _insert(
        "wallet_starts_empty",
        "born rich by way of an upsert",
        "{alice}, {user}, 'USD', 'open', 1000, 2) ON CONFLICT (id) DO UPDATE SET (balance, version) = (1000, 2",
    ),
    _update("wallet_balance_is_last_entry", "a gift", "alice", "balance = balance + 1"),
    _update("wallet_balance_is_last_entry", "a theft", "alice", "balance = balance - 1"),
    _update("wallet_balance_is_last_entry", "a version too many", "alice", "version = version + 1"),
    _update("wallet_balance_is_last_entry", "a version too few", "alice", "version = version - 1"),
    _update("wallet_balance_is_last_entry", "back to an older entry", "alice", "balance = 100, version = 1"),
    _update("wallet_balance_is_last_entry", "back to the beginning", "alice", "balance = 0, version = 0"),
    _update("wallet_balance_is_last_entry", "ahead of its entries", "alice", "balance = 160, version = 3"),
    _update("wallet_balance_is_last_entry", "a first balance from nowhere", "charlie", "balance = 1, version = 1"),
    Attack(
        "wallet_balance_is_last_entry",
        "money moved without entries",
        lambda b: b.posting(wallets=[WalletRow(b.alice, 50, 3), WalletRow(b.bob, 50, 2)]),
    ),
    Attack(
        "wallet_balance_is_last_entry",
        "another balance than the entry's",
        lambda b: b.deposit_to_bob().replace(f"({b.bob}, 90, 2)", f"({b.bob}, 91, 2)", 1),
    ),
    _update("wallet_balance_range", "below zero", "alice", "balance = -1"),
    _update("wallet_balance_range", "above the highest", "alice", f"balance = {BALANCE_MAX + 1}"),
    _update("wallet_version_range", "a version below zero", "alice", "version = -1"),
    _update("wallet_closed_is_empty", "closed with money in it", "alice", "status = 'closed'"),
]

IDENTITY = [
    _update("wallet_identity_is_fixed", "another owner", "alice", "owner_id = {user}, currency = 'JPY'"),
    _update("wallet_identity_is_fixed", "another owner of an empty wallet", "euros", "owner_id = {user}"),
    _update("wallet_identity_is_fixed", "another currency", "alice", "currency = 'JPY'"),
    _update("wallet_identity_is_fixed", "another id", "charlie", "id = {new}"),
    _update("wallet_identity_is_fixed", "another id of the outside world", "outside", "id = 841"),
    _update("wallet_id_tells_outside", "nobody's any more", "charlie", "owner_id = NULL"),
    _insert("wallet_id_tells_outside", "an outside world among the people", "{new}, NULL, 'JPY', 'open', 0, 0"),
    _insert("wallet_id_tells_outside", "a person's in the outside world", "999, {user}, 'JPY', 'open', 0, 0"),
    _insert("wallet_id_tells_outside", "an outside world at zero", "0, NULL, 'JPY', 'open', 0, 0"),
    _insert("wallet_id_tells_outside", "a person's below zero", "-1, {user}, 'JPY', 'open', 0, 0"),
    _update("wallet_outside_carries_nothing", "a frozen outside world", "outside", "status = 'frozen'"),
    _update("wallet_outside_carries_nothing", "a closed outside world", "outside", "status = 'closed'"),
    _update("wallet_outside_carries_nothing", "a rich outside world", "outside", "balance = 1"),
    _update("wallet_outside_carries_nothing", "an outside world that counts", "outside", "version = 1"),
    _insert("wallet_one_per_owner_and_currency", "a second one", "{new}, {user}, 'USD', 'open', 0, 0"),
    _insert("wallet_one_outside_per_currency", "a second outside world", "841, NULL, 'USD', 'open', 0, 0"),
    _insert("wallets_wallet_pkey", "an id that is taken", "{alice}, {user}, 'JPY', 'open', 0, 0"),
    _insert("wallet_currency_known", "a currency that does not exist", "{new}, {user}, 'XXX', 'open', 0, 0"),
    _insert("wallet_status_known", "a status that does not exist", "{new}, {user}, 'JPY', 'lost', 0, 0"),
    _insert(
        "wallets_wallet_owner_id_17fe3341_fk_wallets_user_id",
        "an owner who does not exist",
        f"{{new}}, {_UNKNOWN}, 'JPY', 'open', 0, 0",
    ),
]

GONE = [
    Attack("wallet_no_delete", "an empty one", lambda b: f"DELETE FROM wallets_wallet WHERE id = {b.charlie}"),
    Attack("wallet_no_delete", "nothing at all", lambda b: "DELETE FROM wallets_wallet WHERE false"),
    Attack("wallet_no_delete", "the outside world", lambda b: f"DELETE FROM wallets_wallet WHERE id = {USD}"),
    Attack("wallet_no_truncate", "all wallets at once", lambda b: "TRUNCATE wallets_wallet CASCADE"),
    Attack(
        "wallet_no_truncate",
        "all people at once",
        lambda b: "TRUNCATE wallets_user CASCADE",
    ),
]


def _user(rule: str, title: str, username: str, email: str) -> Attack:
    return Attack(
        rule,
        title,
        lambda b: (
            f"""INSERT INTO wallets_user (password, is_superuser, first_name, last_name, is_staff, is_active,
            date_joined, username, email) VALUES ('', false, '', '', false, true, now(), '{username}', '{email}')"""
        ),
    )


PEOPLE = [
    _user("user_username_lowercase", "Alice is not alice", "Alice", "dora@example.org"),
    _user("user_email_lowercase", "Alice's address in capitals", "dora", "Alice@example.org"),
    _user("wallets_user_username_key", "a second alice", "alice", "dora@example.org"),
    _user("wallets_user_email_key", "a second alice by mail", "dora", "alice@example.com"),
    _user("user_email_not_empty", "an address of nothing", "dora", ""),
    Attack(
        "wallets_user_skeleton_key",
        "a look-alike of alice",
        lambda b: f"UPDATE wallets_user SET skeleton = 'allce' WHERE id <> {b.user}",
    ),
    *(
        Attack(
            "user_starts_without_rights",
            title,
            lambda b, values=values: (  # type: ignore[misc]
                f"""SET LOCAL SESSION AUTHORIZATION wallet_web; INSERT INTO wallets_user (password, is_superuser,
                first_name, last_name, is_staff, is_active, date_joined, username, email)
                VALUES ('', {values[0]}, '', '', {values[1]}, {values[2]}, now(), 'dora', 'dora@example.org')"""
            ),
        )
        for title, values in {
            "a superuser from a web process": ("true", "false", "true"),
            "staff from a web process": ("false", "true", "true"),
            "a locked account from a web process": ("false", "false", "false"),
        }.items()
    ),
    Attack(
        "user_locked_is_inactive",
        "locked, and active all the same",
        lambda b: f"UPDATE wallets_user SET locked_at = now() WHERE id = {b.user}",
    ),
    *(
        Attack(
            "user_activity_is_the_owners",
            f"an account {title}, from a web process",
            lambda b, change=change: (  # type: ignore[misc]
                f"SET LOCAL ROLE wallet_web; UPDATE wallets_user SET {change} WHERE id = {b.user}"
            ),
        )
        for title, change in {
            "deactivated as staff do": "is_active = false",
            "locked, but active": "locked_at = now()",
        }.items()
    ),
    Attack("wallets_user_pkey", "a taken id", lambda b: f"UPDATE wallets_user SET id = {b.user + 1}, username = 'x'"),
    Attack("nodelease_node_range", "a node below zero", lambda b: "INSERT INTO wallets_nodelease VALUES (-1, 0)"),
    Attack("nodelease_node_range", "a node too many", lambda b: "INSERT INTO wallets_nodelease VALUES (1024, 0)"),
    Attack(
        "wallets_nodelease_pkey",
        "a node leased twice",
        lambda b: "INSERT INTO wallets_nodelease SELECT * FROM wallets_nodelease",
    ),
]

_FREEZE = "UPDATE public.wallets_wallet SET status = 'frozen' WHERE id = {};"
_MUTE = "SET LOCAL pgtrigger.ignore = '{pgtrigger_status_changed_update_269e7,pgtrigger_append_only_72e39}';"
_REWRITE = {
    "another status": "UPDATE wallets_walletstatusevent SET status = 'open'",
    "no record left": "DELETE FROM wallets_walletstatusevent",
}

TRAIL = [
    Attack(
        "wallet_status_is_on_record",
        "frozen while the record is muted",
        lambda b: _MUTE + _FREEZE.format(b.alice),
    ),
    Attack(
        "wallet_status_is_on_record",
        "frozen while the record is muted, although it was frozen before",
        lambda b: (
            "INSERT INTO wallets_walletstatusevent (pgh_created_at, pgh_label, pgh_obj_id, status) "
            f"VALUES (now() - interval '1 day', 'status_changed', {b.alice}, 'frozen');"
            + _MUTE
            + _FREEZE.format(b.alice)
        ),
    ),
    *(
        Attack("status_event_append_only", title, lambda b, sql=sql: _MUTE + sql)  # type: ignore[misc]
        for title, sql in _REWRITE.items()
    ),
    Attack("status_event_no_truncate", "all records at once", lambda b: "TRUNCATE wallets_walletstatusevent"),
    *(
        Attack(
            "pgtrigger_append_only_72e39",
            title,
            lambda b, sql=sql: _FREEZE.format(b.alice) + sql,  # type: ignore[misc]
            without=[("wallets_walletstatusevent", "status_event_append_only")],
        )
        for title, sql in _REWRITE.items()
    ),
    Attack(
        "wallets_walletstatusevent_pkey",
        "a record twice",
        lambda b: (
            _FREEZE.format(b.alice) + "INSERT INTO wallets_walletstatusevent SELECT * FROM wallets_walletstatusevent"
        ),
    ),
]

WALLET_ATTACKS = [*MONEY, *IDENTITY, *GONE, *PEOPLE, *TRAIL]
