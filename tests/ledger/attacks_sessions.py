"""Attacks: sessions of browsers that would last longer than they may, or that their user would not see."""

from collections.abc import Callable

from tests.ledger.raw import Attack, Books

_INSERT = (
    "INSERT INTO wallets_browsersession (id, key_hash, user_id, data, user_agent, signed_in_at, last_seen_at) "
    "OVERRIDING SYSTEM VALUE VALUES ({id}, '{key}', {user}, '{data}', '', {signed_in_at}, {last_seen_at});"
)
_HOURS_AGO, _TOMORROW = "now() - interval '3 hours'", "now() + interval '1 day'"


def _begun(books: Books, **changed: str) -> str:
    """A session that began three hours ago."""
    usual = {
        "id": "1",
        "key": "a",
        "data": "sealed:1:",
        "user": str(books.user),
        "signed_in_at": _HOURS_AGO,
        "last_seen_at": "now()",
    }
    return _INSERT.format(**(usual | changed))


def _inserted(**changed: str) -> Callable[[Books], str]:
    return lambda books: _begun(books) + _begun(books, **({"id": "2", "key": "b"} | changed))


def _updated(assignment: str) -> Callable[[Books], str]:
    return lambda books: _begun(books) + f"UPDATE wallets_browsersession SET {assignment.format(other=books.user + 1)}"


SESSION_ATTACKS = [
    Attack("browsersession_keeps_its_start", "one that begins anew", _updated("signed_in_at = now()")),
    Attack("browsersession_keeps_its_start", "one that passes to somebody else", _updated("user_id = {other}")),
    Attack(
        "browsersession_keeps_its_start",
        "one that its user does not see",
        _updated("user_id = NULL, signed_in_at = NULL"),
    ),
    Attack("browsersession_not_from_the_future", "one used tomorrow", _updated(f"last_seen_at = {_TOMORROW}")),
    Attack("browsersession_not_from_the_future", "a new one, used tomorrow", _inserted(last_seen_at=_TOMORROW)),
    Attack("browsersession_not_from_the_future", "one that begins tomorrow", _inserted(signed_in_at=_TOMORROW)),
    Attack("browsersession_user_signed_in", "one without a beginning", _inserted(signed_in_at="NULL")),
    Attack("browsersession_user_signed_in", "a visitor's that has begun", _inserted(user="NULL")),
    Attack("browsersession_data_is_sealed", "one that can be read", _inserted(data="readable")),
    Attack("browsersession_data_is_sealed", "one that becomes readable", _updated("data = 'readable'")),
    Attack("wallets_browsersession_pkey", "an id that is taken", _inserted(id="1")),
    Attack("wallets_browsersession_key_hash_key", "a key that is taken", _inserted(key="a")),
    Attack(
        "wallets_browsersession_user_id_6a5637c5_fk_wallets_user_id",
        "a user who does not exist",
        lambda books: _inserted(user="5000")(books) + "SET CONSTRAINTS ALL IMMEDIATE",
    ),
]
