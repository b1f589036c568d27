"""Commands share connections. Whatever goes wrong with one, the next one gets its own reply."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from redis import Redis
from redis.connection import AbstractConnection
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from kit.redis.pipeline import RedisCommand, commands_run, script_command


@pytest.fixture
def client() -> Iterator[Redis]:
    """A client with a single connection and a short timeout."""
    with Redis.from_url(settings.REDIS_URL, max_connections=1, socket_timeout=0.2) as client:
        client.flushdb()
        yield client


def test_replies_come_in_the_order_of_the_commands(client: Redis) -> None:
    commands = [RedisCommand(("SET", "a", "1")), RedisCommand(("INCR", "a")), RedisCommand(("GET", "a"))]

    commands_run(client, commands)

    assert [command.reply for command in commands] == [b"OK", 2, b"2"]
    assert all(command.is_done for command in commands)


def test_a_late_reply_is_not_given_to_the_next_command(client: Redis) -> None:
    late = RedisCommand(("BLPOP", "nothing", 0.4))
    with pytest.raises(RedisTimeoutError):
        commands_run(client, [late])

    asked = [RedisCommand(("ECHO", "mine")), RedisCommand(("ECHO", "too"))]
    commands_run(client, asked)

    assert [command.reply for command in asked] == [b"mine", b"too"]
    assert not late.is_done


def test_the_reply_to_an_interrupted_command_is_not_given_to_the_next_one(
    client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = AbstractConnection.send_packed_command

    def send_and_leave(self: AbstractConnection, command: Any, check_health: bool = True) -> None:
        send(self, command, check_health)  # type: ignore[no-untyped-call]  # redis-py's types are incomplete
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(AbstractConnection, "send_packed_command", send_and_leave)
        with pytest.raises(KeyboardInterrupt):
            commands_run(client, [RedisCommand(("BLPOP", "nothing", 0.1))])

    asked = RedisCommand(("ECHO", "mine"))
    commands_run(client, [asked])

    assert asked.reply == b"mine"


def test_a_failed_command_does_not_stop_the_ones_after_it(client: Redis) -> None:
    client.set("text", "no number")
    behind = RedisCommand(("ECHO", "behind"))
    with pytest.raises(ResponseError, match="not an integer"):
        commands_run(client, [RedisCommand(("INCR", "text")), behind])
    # It ran, so it must not be sent again.
    assert behind.is_done
    assert behind.reply == b"behind"

    asked = RedisCommand(("ECHO", "mine"))
    commands_run(client, [asked])

    assert asked.reply == b"mine"


def test_a_script_that_the_server_forgot_is_sent_as_text(client: Redis) -> None:
    scripts = [script_command(f"return 'script {number}'", [], []) for number in range(2)]
    client.script_flush()

    commands_run(client, [scripts[0], RedisCommand(("ECHO", "between")), scripts[1]])

    assert [command.reply for command in scripts] == [b"script 0", b"script 1"]


def test_a_connection_that_the_server_closed_is_replaced(client: Redis) -> None:
    asked = [RedisCommand(("ECHO", "before")), RedisCommand(("ECHO", "after"))]
    commands_run(client, asked[:1])
    with Redis.from_url(settings.REDIS_URL) as other:
        other.client_kill_filter(_type="normal", skipme=True)

    commands_run(client, asked[1:])

    assert asked[1].reply == b"after"
