"""HTTP requests as the bytes that go over the wire, made before the clock runs."""

import json
import random
from collections.abc import Mapping

from bench.people import People

#: As many as both workers of the site have threads.
CONNECTIONS = 16


def get_bytes(path: str, *, token: str, headers: Mapping[str, str] | None = None) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    return _head("GET", path, token) + lines.encode() + b"\r\n"


def post_bytes(path: str, *, token: str, body: object, headers: Mapping[str, str] | None = None) -> bytes:
    payload = json.dumps(body).encode()
    more = {"Content-Type": "application/json", "Content-Length": str(len(payload)), **(headers or {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in more.items())
    return _head("POST", path, token) + lines.encode() + b"\r\n" + payload


def transfer_requests(path: str, people: People, *, count: int, keys: str = "", seed: int = 0) -> list[bytes]:
    """Single transfers between random people; with `keys`, each under an idempotency key of its own."""
    chance = random.Random(seed)
    requests = []
    for number in range(count):
        source, destination = people.pair(chance)
        headers = {"Idempotency-Key": f'"{keys}-{number}"'} if keys else {}
        body = {"source": str(people.wallets[source].pk), **_rest(people, destination)}
        requests.append(post_bytes(path, token=people.tokens[source], body=body, headers=headers))
    return requests


def bulk_requests(path: str, people: People, *, count: int, items: int, seed: int = 0) -> list[bytes]:
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


def _rest(people: People, destination: int) -> dict[str, object]:
    return {"destination": str(people.wallets[destination].pk), "amount": 1}


def _head(method: str, path: str, token: str) -> bytes:
    lines = f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {token}", "Accept: application/json"
    return "".join(f"{line}\r\n" for line in lines).encode()
