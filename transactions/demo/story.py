"""The demo users' transactions, as data: what happens every week, every month, and on one trip."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

#: The story begins this many days ago and ends yesterday.
DAYS = 90


@dataclass(frozen=True, slots=True)
class Move:
    """A transaction at a time of day (UTC). A payer or payee of None is the outside world.

    Several amounts and memos alternate from week to week. `{month}` in a memo is replaced by the name of the month.
    """

    at: time
    payer: str | None
    payee: str | None
    amounts: Sequence[str]
    memos: Sequence[str]
    currency: str = "USD"

    def turn(self, day: date) -> tuple[str, str]:
        """The amount and the memo of this day."""
        turn = day.toordinal() // 7
        memo = self.memos[turn % len(self.memos)]
        return self.amounts[turn % len(self.amounts)], memo.format(month=f"{day:%B}")


def _clock(text: str) -> time:
    return time.fromisoformat(text).replace(tzinfo=UTC)


def _into(payee: str, at: str, amount: str, memo: str, *, currency: str = "USD") -> Move:
    return Move(_clock(at), None, payee, [amount], [memo], currency)


def _spends(payer: str, at: str, amounts: str, memos: Sequence[str], *, currency: str = "USD") -> Move:
    return Move(_clock(at), payer, None, amounts.split(), memos, currency)


def _pays(payer: str, payee: str, at: str, amounts: str, memos: Sequence[str], *, currency: str = "USD") -> Move:
    return Move(_clock(at), payer, payee, amounts.split(), memos, currency)


#: On the first day, before anything is spent.
FIRST_DAY: Sequence[Move] = (
    _into("alice", "06:10", "3200.00", "From my old bank"),
    _into("bob", "06:25", "1850.00", "Moving in"),
    _into("carol", "06:40", "2400.00", "From my old bank"),
)

#: By weekday, Monday first.
EVERY_WEEK: Sequence[Sequence[Move]] = (
    (
        _spends(
            "alice", "07:42", "4.50 4.50 5.25", ["Flat white, Blue Door", "Coffee, Blue Door", "Cortado and a bun"]
        ),
        _spends("bob", "18:20", "61.30 48.75 72.10", ["Groceries"]),
    ),
    (
        _pays(
            "carol", "alice", "12:48", "14.20 11.90 16.75", ["Lunch at Nori", "Dumplings", "Lunch, you paid last time"]
        ),
    ),
    (_spends("carol", "07:55", "3.90 4.20", ["Coffee", "Tea and a croissant"]),),
    (_pays("alice", "bob", "20:15", "18.00 22.50 9.75", ["Cinema", "Climbing hall", "Quiz night"]),),
    (
        _spends("bob", "08:02", "5.10 4.40", ["Coffee, Blue Door"]),
        _pays(
            "bob",
            "carol",
            "21:36",
            "16.40 21.00 18.60",
            ["Pizza on Friday", "Thai, split three ways", "Pizza on Friday"],
        ),
    ),
    (
        _pays(
            "alice",
            "carol",
            "10:31",
            "27.85 33.10 24.60",
            ["Half of the market run", "Farmers' market", "Half of the groceries"],
        ),
        _spends(
            "carol", "15:12", "46.00 19.90 64.50", ["Bookshop", "Plants for the balcony", "Running shoes, second hand"]
        ),
    ),
    (_pays("carol", "bob", "17:05", "8.50 12.00", ["Tram tickets", "Sunday football, my share"]),),
)

#: By day of the month.
EVERY_MONTH: Mapping[int, Sequence[Move]] = {
    1: (
        _into("alice", "06:00", "4250.00", "Salary, Northwind Studio"),
        _into("carol", "06:00", "3480.00", "Salary, City Library"),
    ),
    2: (
        _pays("bob", "alice", "09:00", "880.00", ["Rent for {month}"]),
        _spends("alice", "09:30", "1760.00", ["Rent for {month}, to the landlord"]),
        _spends("carol", "09:45", "1190.00", ["Rent for {month}"]),
    ),
    5: (_pays("bob", "alice", "19:22", "31.45 28.90 36.20", ["Electricity, my half"]),),
    8: (_spends("alice", "11:00", "59.00", ["Train pass"]),),
    12: (_into("bob", "14:10", "1620.00", "Invoice, Hale and Daughters"),),
    15: (
        _pays("alice", "bob", "18:00", "12.99", ["Music, family plan"]),
        _spends("carol", "16:30", "120.00", ["To savings"]),
    ),
    18: (_spends("alice", "20:40", "250.00", ["To savings"]),),
    21: (_pays("carol", "alice", "13:15", "40.00 35.00", ["Concert tickets", "Birthday present for Dana"]),),
    26: (_into("bob", "10:05", "1340.00", "Invoice, Larkspur Bakery"),),
}

#: Day of the story to what happened: a trip to Lisbon, and money put aside for Tokyo.
ONCE: Mapping[int, Sequence[Move]] = {
    38: (
        _into("alice", "17:20", "600.00", "For Lisbon", currency="EUR"),
        _into("carol", "18:05", "450.00", "For Lisbon", currency="EUR"),
    ),
    41: (_pays("carol", "alice", "08:30", "186.00", ["Lisbon: the flat, my half"], currency="EUR"),),
    45: (
        _spends("alice", "09:25", "7.20", ["Pastéis de Belém"], currency="EUR"),
        _pays("alice", "carol", "20:50", "23.40", ["Lisbon: dinner in Alfama"], currency="EUR"),
    ),
    46: (
        _spends("carol", "10:15", "12.80", ["Tram 28"], currency="EUR"),
        _pays("carol", "alice", "22:10", "31.00", ["Lisbon: fado and wine"], currency="EUR"),
    ),
    47: (_spends("alice", "16:45", "38.50", ["Azulejos to take home"], currency="EUR"),),
    60: (_into("bob", "19:00", "45000", "For Tokyo", currency="JPY"),),
    74: (_spends("bob", "07:15", "13870", ["Shinkansen to Kyoto, booked"], currency="JPY"),),
}


def story(*, today: date) -> Iterator[tuple[datetime, Move]]:
    """Yields every move with its time, from the first day to yesterday, in order of time."""
    for number in range(DAYS):
        day = today - timedelta(days=DAYS - number)
        moves = [
            *(FIRST_DAY if number == 0 else ()),
            *EVERY_WEEK[day.weekday()],
            *EVERY_MONTH.get(day.day, ()),
            *ONCE.get(number, ()),
        ]
        for move in sorted(moves, key=lambda move: move.at):
            yield datetime.combine(day, move.at), move
