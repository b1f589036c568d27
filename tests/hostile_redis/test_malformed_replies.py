"""Whatever Redis holds or answers, reads show the truth and money moves. Nothing becomes a 500."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from kit.cache import link
from kit.limits import buckets
from tests.api.client import Person, json_of
from tests.cache.readers import with_session, with_token
from tests.hostile_redis.attacker import Attacker
from tests.own_redis import redis_use
from tests.settlement.broker import celery_use
from tests.settlement.waiting import wait_until
from transactions.channels.celery import wake
from wallets import warming
from wallets.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _limits(trusted_cache: None, settings: Settings) -> Iterator[None]:
    settings.THROTTLE_ENABLED = True
    # A writer that finds Redis away waits for this long.
    settings.CACHE_TRUST_MS = 50
    _rest_end()
    yield
    _rest_end()


def _rest_end() -> None:
    """Lets the site try Redis again at once."""
    link.breaker.succeeded()
    buckets.redis_breaker.succeeded()


def uses(phone: Person, browser: Person) -> None:
    """Reads and moves money, and finds everything as it should be."""
    before = phone.balance()
    assert json_of(phone.api.get("/me"))["username"] == "alice"
    assert phone.api.post(f"{phone.wallet_path}/deposits", {"amount": 3}).status_code == 201
    for someone in (phone, browser):
        _rest_end()
        assert json_of(someone.api.get(someone.wallet_path))["balance"] == before + 3
        page = json_of(someone.api.get(f"{someone.wallet_path}/transactions"))
        assert page["results"][0]["balance_after"] == before + 3
    assert browser.api.client.get("/").status_code == 200


WRONG: dict[str, Callable[[Attacker, bytes], object]] = {
    "a list": lambda attacker, key: attacker.redis.rpush(key, "x"),
    "a hash": lambda attacker, key: attacker.redis.hset(key, "x", "y"),
    "a set": lambda attacker, key: attacker.redis.sadd(key, "x"),
    "text": lambda attacker, key: attacker.redis.set(key, "x"),
    "nothing": lambda attacker, key: attacker.redis.set(key, ""),
    "no number": lambda attacker, key: attacker.redis.set(key, "nan"),
    # In a bucket of the limits it means that the client has to wait, which is what Redis can do to it.
    "a huge number": lambda attacker, key: b"throttled" in key or attacker.redis.set(key, "1e308"),
    "bytes": lambda attacker, key: attacker.redis.set(key, b"V\xff\x00" * 50),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_key_that_holds_something_else_makes_nothing_wrong(
    wrong: Callable[[Attacker, bytes], object], attacker: Attacker, alice: User
) -> None:
    phone, browser = with_token(alice), with_session(alice)
    for _ in range(2):
        uses(phone, browser)
    keys = attacker.keys()
    assert len(keys) > 5

    for key in keys:
        attacker.redis.delete(key)
        wrong(attacker, key)

    for _ in range(2):
        uses(phone, browser)


@pytest.mark.parametrize("field", ["run", "generation", "born_ms", "until_ms", "claimed_ms"])
@pytest.mark.parametrize("value", [b"", b"x", b"\xff\xfe", b"-1e400", None])
def test_a_state_with_a_wrong_field_makes_nothing_wrong_and_does_not_last(
    field: str, value: bytes | None, attacker: Attacker, alice: User, settings: Settings
) -> None:
    phone, browser = with_token(alice), with_session(alice)
    uses(phone, browser)
    [state] = attacker.keys("cache:state")

    if value is None:
        attacker.redis.hdel(state, field)
    else:
        attacker.redis.hset(state, field, value)

    uses(phone, browser)
    # The quarantine is over at once, and from then on the trust lasts.
    settings.CACHE_FENCE_S, settings.CACHE_TRUST_MS = 0.001, 60_000

    def is_cached() -> bool:
        _rest_end()
        with CaptureQueriesContext(connection) as asked:
            phone.api.get(phone.wallet_path)
        return len(asked) == 0

    # Not at once: an earlier reader may have claimed to renew the trust.
    wait_until(is_cached, what="reads are cached again")


ANSWERS = [
    b"$-1\r\n",
    b":1\r\n",
    b"+OK\r\n",
    b"*0\r\n",
    b"*1\r\n$7\r\ntrusted\r\n",
    b"*4\r\n$7\r\ntrusted\r\n$1\r\n1\r\n$2\r\n\xff\xfe\r\n:0\r\n",
    b"*5\r\n$7\r\ntrusted\r\n$1\r\n1\r\n$2\r\nab\r\n:0\r\n:7\r\n",
    b"*5\r\n$7\r\ntrusted\r\n$1\r\nx\r\n$2\r\nab\r\n:0\r\n$1\r\nM\r\n",
    b"*4\r\n:0\r\n:5\r\n$3\r\ninf\r\n$3\r\nnan\r\n",
    b"*4\r\n:0\r\n$1\r\n5\r\n*0\r\n$-1\r\n",
    b"*1\r\n*1\r\n*1\r\n*0\r\n",
    b"-ERR \xff\xfe\r\n",
    b"-NOSCRIPT x\r\n",
    b"-LOADING x\r\n",
    b"\xff\x00garbage\r\n",
    b"",
]


@contextmanager
def impostor(answer: bytes) -> Iterator[str]:
    """A server that gives every command this answer. Yields its URL."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_accept, args=(server, answer), daemon=True).start()
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        server.shutdown(socket.SHUT_RDWR)


def _accept(server: socket.socket, answer: bytes) -> None:
    with suppress(OSError):
        while True:
            connection, _ = server.accept()
            threading.Thread(target=_answer, args=(connection, answer), daemon=True).start()


def _answer(connection: socket.socket, answer: bytes) -> None:
    with connection, suppress(OSError):
        while received := connection.recv(1 << 20):
            # Each command begins with the number of its arguments.
            connection.sendall(answer * received.count(b"\r\n*") + answer)
            if not answer:
                return


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_server_that_answers_anything_makes_nothing_wrong(answer: bytes, alice: User, settings: Settings) -> None:
    phone, browser = with_token(alice), with_session(alice)
    with impostor(answer) as url:
        redis_use(url, settings)
        uses(phone, browser)


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_broker_that_answers_anything_fails_nobodys_request(answer: bytes, alice: User) -> None:
    with impostor(answer) as url:
        before = celery_use(url)
        try:
            for breaker in (warming.breaker, wake.breaker):
                breaker.succeeded()
            warming.person_warm_up(alice.pk)
            wake.workers_wake([1])
        finally:
            celery_use(before)
            for breaker in (warming.breaker, wake.breaker):
                breaker.succeeded()
