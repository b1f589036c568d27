"""HTTP requests as the bytes that go over the wire, made before the clock runs."""

import json
import random
from collections.abc import Mapping, Sequence
from typing import Protocol

#: As many as both workers of the site have threads.
CONNECTIONS = 16


class Row(Protocol):
    """Something with an id."""

    @property
    def pk(self) -> int: ...


class Senders(Protocol):
    """Senders who send one another money: their wallets and API tokens, in the same order."""

    @property
    def wallets(self) -> Sequence[Row]: ...

    @property
    def tokens(self) -> Sequence[str]: ...

    def pair(self, chance: random.Random) -> tuple[int, int]:
        """Two different places in the lists."""
        ...


def get_bytes(path: str, *, token: str, headers: Mapping[str, str] | None = None) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    return _head("GET", path, token) + lines.encode() + b"\r\n"


def post_bytes(path: str, *, token: str, body: object, headers: Mapping[str, str] | None = None) -> bytes:
    payload = json.dumps(body).encode()
    more = {"Content-Type": "application/json", "Content-Length": str(len(payload)), **(headers or {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in more.items())
    return _head("POST", path, token) + lines.encode() + b"\r\n" + payload


def page_bytes(path: str, *, cookies: str) -> bytes:
    """A page for a browser that is signed in."""
    lines = f"GET {path} HTTP/1.1", "Host: 127.0.0.1", f"Cookie: {cookies}", "Accept: text/html"
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"


def transfer_requests(
    path: str, people: Senders, *, count: int, keys: str = "", seed: int = 0, into: int | None = None
) -> list[bytes]:
    """Single transfers between random people; with `keys`, each under an idempotency key of its own.

    With `into`, all of them go to the wallet at that place in the list, from any of the others."""
    chance = random.Random(seed)
    requests = []
    for number in range(count):
        source, destination = people.pair(chance)
        if into is not None:
            source, destination = destination if source == into else source, into
        headers = {"Idempotency-Key": f'"{keys}-{number}"'} if keys else {}
        body = {"source": str(people.wallets[source].pk), **_rest(people, destination)}
        requests.append(post_bytes(path, token=people.tokens[source], body=body, headers=headers))
    return requests


def bulk_requests(path: str, people: Senders, *, count: int, items: int, seed: int = 0) -> list[bytes]:
    """Lists of transfers, each list from one random person to random others."""
    chance = random.Random(seed)
    requests = []
    for _ in range(count):
        source, _ = people.pair(chance)
        others = [number for number in chance.sample(range(len(people.wallets)), items + 1) if number != source][:items]
        own = str(people.wallets[source].pk)
        body = {"transfers": [{"source": own, **_rest(people, destination)} for destination in others]}
        requests.append(post_bytes(path, token=people.tokens[source], body=body))
    return requests


def mixed_lists(
    path: str, people: Senders, *, count: int, items: int, seed: int = 0, among: int = 0, into: int | None = None
) -> list[bytes]:
    """Lists of transfers from random people, each item to anybody else.

    `among` so many of the first people, if not 0; with `into`, every item goes to the wallet at that place."""
    chance, last = random.Random(seed), (among or len(people.wallets)) - 1
    requests = []
    for _ in range(count):
        source = _other(chance, last, into)
        own = str(people.wallets[source].pk)
        others = [_other(chance, last, source) if into is None else into for _ in range(items)]
        body = {"transfers": [{"source": own, **_rest(people, destination)} for destination in others]}
        requests.append(post_bytes(path, token=people.tokens[source], body=body))
    return requests


def _other(chance: random.Random, last: int, than: int | None) -> int:
    """A random place up to `last`, but not `than`."""
    number = chance.randint(0, last if than is None else last - 1)
    return number if than is None or number < than else number + 1


def _rest(people: Senders, destination: int) -> dict[str, object]:
    return {"destination": str(people.wallets[destination].pk), "amount": 1}


def _head(method: str, path: str, token: str) -> bytes:
    lines = f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {token}", "Accept: application/json"
    return "".join(f"{line}\r\n" for line in lines).encode()
