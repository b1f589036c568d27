# ruff: noqa: E501 - a line for each attack
"""Attacks: payments beyond a wallet's spending limits, payments that do not count, and limits that rise at once.

Alice has 60, and has spent 40 today.
"""

from tests.ledger.raw import Attack, Books, Row, Side, WalletRow

_TODAY = "(clock_timestamp() AT TIME ZONE 'UTC')::date"
_OTHER_DAY = "DATE '2000-01-01'"


def _limits(b: Books, **columns: str) -> str:
    """Gives Alice limits, as a first change can."""
    return f"UPDATE wallets_wallet SET {_set(columns)} WHERE id = {b.alice}; "


def _set(columns: dict[str, str]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in columns.items())


def _payment(b: Books, amount: int, **columns: str) -> str:
    """A posting that is correct but for the limits: a transfer from Alice to Bob. `columns`: what else is set."""
    return b.posting(
        wallets=[WalletRow(b.alice, 60 - amount, 3), WalletRow(b.bob, 40 + amount, 2)],
        rows=[Row(b.new, "transfer", amount, b.alice, b.bob)],
        sides=[Side(b.new, b.alice, -amount, 3, 60 - amount), Side(b.new, b.bob, amount, 2, 40 + amount)],
    ).replace(
        "version = w.version",
        "version = w.version"
        + "".join(
            f", {name} = CASE WHEN wallets_wallet.id = {b.alice} THEN {value} END" for name, value in columns.items()
        ),
    )


def _income(b: Books, **columns: str) -> str:
    return b.posting(
        wallets=[WalletRow(b.alice, 70, 3)],
        rows=[Row(b.new, "deposit", 10, destination=b.alice)],
        sides=[Side(b.new, b.alice, 10, 3, 70), Side(b.new, 840, -10)],
    ).replace("version = w.version", f"version = w.version, {_set(columns)}")


def _spend(rule: str, title: str, amount: int, limits: dict[str, str], **columns: str) -> Attack:
    return Attack(rule, title, lambda b: _limits(b, **limits) + _payment(b, amount, **columns))


def _change(rule: str, title: str, before: dict[str, str], **after: str) -> Attack:
    return Attack(rule, title, lambda b: (_limits(b, **before) if before else "") + _limits(b, **after))


_SOON, _LATER = "statement_timestamp() + interval '1 hour'", "statement_timestamp() + interval '25 hours'"
_COUNTED = {"spent": "50", "spent_on": _TODAY}

SPENDING = [
    _spend("wallet_spent_is_counted", "a payment that counts nowhere", 10, {"day_limit": "1000"}, spent="40",
           spent_on=_TODAY),
    _spend("wallet_spent_is_counted", "a payment of which a part counts", 10, {"day_limit": "1000"}, spent="49",
           spent_on=_TODAY),
    _spend("wallet_spent_is_counted", "a payment on a day long ago", 10, {"day_limit": "1000"}, spent="10",
           spent_on=_OTHER_DAY),
    _spend("wallet_spent_is_counted", "a payment on a day to come", 10, {"day_limit": "1000"}, spent="10",
           spent_on=f"{_TODAY} + 1000"),
    _spend("wallet_spent_is_counted", "a new count on the same day", 10, {"day_limit": "1000"}, spent="10",
           spent_on=_TODAY),
    Attack(
        "wallet_spent_is_counted",
        "an income that lets the day begin anew",
        lambda b: _limits(b, day_limit="1000") + _income(b, spent="0", spent_on=_TODAY),
    ),
    _spend("wallet_payment_within_limit", "a payment above its limit", 10, {"payment_limit": "9"}, **_COUNTED),
    _spend("wallet_payment_within_limit", "a payment where none is allowed", 10, {"payment_limit": "0"}, **_COUNTED),
    _spend("wallet_day_within_limit", "a day above its limit", 10, {"day_limit": "49"}, **_COUNTED),
    _spend("wallet_day_within_limit", "a day that was above its limit before", 10, {"day_limit": "5"}, **_COUNTED),
    _spend("wallet_day_within_limit", "a day above its reduced limit", 10,
           {"reduced_day_limit": "49", "reduced_until": _LATER}, **_COUNTED),
    _spend("wallet_day_within_limit", "a day above its reduced limit, but not above its own", 10,
           {"day_limit": "1000", "reduced_day_limit": "49", "reduced_until": _LATER}, **_COUNTED),
    _change("wallet_spent_is_fixed", "spent, taken back", {"day_limit": "30"}, spent="0"),
    _change("wallet_spent_is_fixed", "spent, on another day", {"day_limit": "30"}, spent_on=f"{_TODAY} - 1"),
    Attack("wallet_spent_is_fixed", "first limits, and nothing spent",
           lambda b: _limits(b, day_limit="30", spent="0", spent_on=_TODAY)),
    Attack("wallet_spent_is_fixed", "counted without limits", lambda b: _limits(b, spent="0", spent_on=_TODAY)),
    _spend("wallet_spent_is_fixed", "a payment that ends the counting", 10, {"payment_limit": "5"}, spent="NULL::bigint",
           spent_on="NULL::date"),
]  # fmt: skip

_SET = {"payment_limit": "30", "day_limit": "30"}
RAISES = [
    _change("wallet_limits_rise_in_a_day", "per payment, at once", _SET, payment_limit="31"),
    _change("wallet_limits_rise_in_a_day", "per day, at once", _SET, day_limit="31"),
    _change("wallet_limits_rise_in_a_day", "no limit per payment, at once", _SET, payment_limit="NULL"),
    _change("wallet_limits_rise_in_a_day", "no limit per day, at once", _SET, day_limit="NULL"),
    _change("wallet_limits_rise_in_a_day", "in an hour", _SET, next_day_limit="31", next_limits_at=_SOON),
    _change("wallet_limits_rise_in_a_day", "since an hour ago", _SET, next_day_limit="31",
            next_limits_at="now() - interval '1 hour'"),
    _change("wallet_limits_rise_in_a_day", "removed in an hour", _SET, next_limits_at=_SOON),
    _change("wallet_limits_rise_in_a_day", "higher than was decided, at the same time",
            {**_SET, "next_payment_limit": "40", "next_day_limit": "40", "next_limits_at": _LATER},
            next_limits_at="next_limits_at - interval '1 hour 1 minute'", next_day_limit="50"),
    _change("wallet_limits_rise_in_a_day", "earlier than was decided",
            {**_SET, "next_payment_limit": "40", "next_day_limit": "40", "next_limits_at": _LATER},
            next_limits_at="next_limits_at - interval '2 hours'"),
    _change("wallet_limits_rise_in_a_day", "a reduction, lifted",
            {"reduced_day_limit": "10", "reduced_until": _LATER}, reduced_day_limit="NULL", reduced_until="NULL"),
    _change("wallet_limits_rise_in_a_day", "a reduction, shortened",
            {"reduced_day_limit": "10", "reduced_until": _LATER}, reduced_until=_SOON),
    _change("wallet_limits_rise_in_a_day", "a reduction to more",
            {"reduced_day_limit": "10", "reduced_until": _LATER}, reduced_day_limit="11"),
]  # fmt: skip

_ROWS = [
    _change("wallet_limits_range", "a limit below zero", {"day_limit": "30"}, day_limit="-1"),
    _change("wallet_limits_range", "a limit above the highest", {}, payment_limit="1000000000000000"),
    _change("wallet_limits_range", "a negative step-up amount", {}, step_up_above="-1"),
    Attack("wallet_spent_range", "a count without a day",
           lambda b: _limits(b, day_limit="1000") + _payment(b, 10, spent="NULL::bigint", spent_on=_TODAY)),
    Attack("wallet_limits_are_counted", "a new wallet with limits that nobody counts",
           lambda b: "INSERT INTO wallets_wallet (id, owner_id, currency, status, day_limit) "
                     f"VALUES ({b.new}, {b.user}, 'JPY', 'open', 10)"),
    _change("wallet_next_limits_have_a_time", "limits to come, some day", {}, next_day_limit="10"),
    _change("wallet_reduction_has_an_end", "a reduction for ever", {}, reduced_day_limit="10"),
    _change("wallet_reduction_has_an_end", "a reduction to nothing known", {}, reduced_until=_LATER),
]  # fmt: skip

LIMIT_ATTACKS = [*SPENDING, *RAISES, *_ROWS]
