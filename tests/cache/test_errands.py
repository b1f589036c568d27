"""Errands share connections with each other: whatever goes wrong with one, the next gets an answer of its own."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from redis import Redis
from redis.connection import AbstractConnection
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from kit.redis.errands import Errand, errands_run, script_errand


@pytest.fixture
def client() -> Iterator[Redis]:
    """One connection for all of them, and little patience."""
    with Redis.from_url(settings.REDIS_URL, max_connections=1, socket_timeout=0.2) as client:
        client.flushdb()
        yield client


def test_errands_get_their_answers_in_their_order(client: Redis) -> None:
    errands = [Errand(("SET", "a", "1")), Errand(("INCR", "a")), Errand(("GET", "a"))]

    errands_run(client, errands)

    assert [errand.reply for errand in errands] == [b"OK", 2, b"2"]
    assert all(errand.is_done for errand in errands)


def test_an_answer_that_came_too_late_is_nobody_elses(client: Redis) -> None:
    late = Errand(("BLPOP", "nothing", 0.4))
    with pytest.raises(RedisTimeoutError):
        errands_run(client, [late])

    asked = [Errand(("ECHO", "mine")), Errand(("ECHO", "too"))]
    errands_run(client, asked)

    assert [errand.reply for errand in asked] == [b"mine", b"too"]
    assert not late.is_done


def test_an_answer_that_nobody_stayed_for_is_nobody_elses(client: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    send = AbstractConnection.send_packed_command

    def send_and_leave(self: AbstractConnection, command: Any, check_health: bool = True) -> None:
        send(self, command, check_health)  # type: ignore[no-untyped-call]  # redis-py is half typed
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(AbstractConnection, "send_packed_command", send_and_leave)
        with pytest.raises(KeyboardInterrupt):
            errands_run(client, [Errand(("BLPOP", "nothing", 0.1))])

    asked = Errand(("ECHO", "mine"))
    errands_run(client, [asked])

    assert asked.reply == b"mine"


def test_one_that_is_refused_leaves_no_answers_behind(client: Redis) -> None:
    client.set("text", "no number")
    behind = Errand(("ECHO", "behind"))
    with pytest.raises(ResponseError, match="not an integer"):
        errands_run(client, [Errand(("INCR", "text")), behind])
    # It was run, and is not to be sent again.
    assert behind.is_done
    assert behind.reply == b"behind"

    asked = Errand(("ECHO", "mine"))
    errands_run(client, [asked])

    assert asked.reply == b"mine"


def test_a_script_that_was_forgotten_is_sent_again_whole(client: Redis) -> None:
    scripts = [script_errand(f"return 'script {number}'", [], []) for number in range(2)]
    client.script_flush()

    errands_run(client, [scripts[0], Errand(("ECHO", "between")), scripts[1]])

    assert [errand.reply for errand in scripts] == [b"script 0", b"script 1"]


def test_a_connection_that_the_server_has_closed_is_made_anew(client: Redis) -> None:
    asked = [Errand(("ECHO", "before")), Errand(("ECHO", "after"))]
    errands_run(client, asked[:1])
    with Redis.from_url(settings.REDIS_URL) as other:
        other.client_kill_filter(_type="normal", skipme=True)

    errands_run(client, asked[1:])

    assert asked[1].reply == b"after"
