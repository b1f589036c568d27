"""Lists of transfers over REST v2: each item is judged by itself."""

from typing import Any

from tests.frozen.cast import Play
from tests.frozen.scenario.wallets import UNKNOWN_ID

BULK = "/api/v2/transfers/bulk"


def play(play: Play) -> None:
    _mixed(play)
    _keys(play)
    _refused(play)


def _mixed(play: Play) -> None:
    alice, bob = play.alice, play.bob
    right: dict[str, Any] = {"source": alice.usd, "recipient": "bob", "amount": 1_00}
    items: list[Any] = [
        right,
        {**right, "recipient": "bob@example.com", "memo": "Second"},
        {"source": alice.usd, "destination": bob.usd, "amount": 1_00},
        {**right, "recipient": "nobody"},
        {**right, "recipient": "alice"},
        {**right, "amount": 0},
        {**right, "amount": 1_000_000_00},
        {**right, "source": bob.usd},
        {"source": alice.usd, "destination": UNKNOWN_ID, "amount": 1_00},
        {**right, "source": alice.wallets["JPY"]},
        {**right, "x": 1},
        {**right, "idempotency_key": "two words"},
        {**right, "destination": bob.usd},
        {},
        "no item",
        None,
    ]
    answer = alice.api.post("Good and bad items in one list", BULK, {"transfers": items})
    accepted = [result["transaction"]["id"] for result in answer.json()["results"] if result["transaction"]]
    alice.api.get("One of them is pending", f"/api/v2/transfers/{accepted[1]}")
    play.settle(*accepted)
    alice.api.get("It is posted later", f"/api/v2/transfers/{accepted[1]}")
    alice.api.get("All of them are in the history", f"/api/v1/wallets/{alice.usd}/transactions?limit=3")


def _keys(play: Play) -> None:
    alice = play.alice
    item = {"source": alice.usd, "recipient": "bob", "amount": 1_00, "idempotency_key": "bulk-1"}
    other = {**item, "idempotency_key": "bulk-2"}
    answer = alice.api.post("Items with keys", BULK, {"transfers": [item, other]})
    alice.api.post("The same list once more", BULK, {"transfers": [item, other]})
    changed = {"transfers": [item, {**other, "amount": 2_00}, {**item, "idempotency_key": "bulk-3"}]}
    third = alice.api.post("One the same, one changed, one new", BULK, changed)
    twice = {**item, "idempotency_key": "bulk-4"}
    fourth = alice.api.post("The same item twice in a list", BULK, {"transfers": [twice, twice]})
    both = {"transfers": [{**item, "idempotency_key": "bulk-5"}, {**item, "idempotency_key": "bulk-5", "amount": 2_00}]}
    fifth = alice.api.post("The same key twice for different items", BULK, both)
    alice.api.post("The key of an item as the header's", "/api/v2/transfers", _bare(item), Idempotency_Key="bulk-1")
    answers = [answer, third, fourth, fifth]
    results = [result for one in answers for result in one.json()["results"] if result["transaction"]]
    play.settle(*(result["transaction"]["id"] for result in results))
    alice.api.post("The same list once it is posted", BULK, {"transfers": [item, other]})


def _refused(play: Play) -> None:
    alice = play.alice
    item = {"source": alice.usd, "recipient": "bob", "amount": 1_00}
    cases: dict[str, dict[str, Any]] = {
        "A list is needed": {},
        "A list is not empty": {"transfers": []},
        "A list is not null": {"transfers": None},
        "A list is no object": {"transfers": item},
        "A field is unknown": {"transfers": [item], "atomic": True},
    }
    for title, body in cases.items():
        alice.api.post(title, BULK, body)
    _long(play, "A list has not 1001 items", 1_001)
    play.stranger.post("A stranger sends no list", BULK, {"transfers": [item]})
    alice.api.get("A list of transfers is not a GET", BULK)
    alice.api.post("A key for the whole list does nothing", BULK, {"transfers": [{}]}, Idempotency_Key="bulk-1")


def _long(play: Play, title: str, count: int) -> None:
    body = b'{"transfers": [' + b", ".join([b"1"] * count) + b"]}"
    headers = {"Content_Type": "application/json"}
    play.alice.api.send(title, "POST", BULK, body, shown=f"<a list of {count} numbers>", **headers)


def _bare(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != "idempotency_key"}
