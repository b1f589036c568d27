"""What is asked of Redis, and sent together: the way there and back takes longer than any answer.

A command is made first, sent with whatever else goes the same way, and asked for its reply later. Nobody sends one
twice: one that has no reply by the time it is needed is sent alone.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from redis import ConnectionPool, Redis
from redis.exceptions import NoScriptError, ResponseError

Argument = str | bytes | int | float


@dataclass(slots=True, eq=False)
class RedisCommand:
    """One command for Redis. `fallback` is sent in its place where the server has forgotten the script. `reply` holds
    the answer as soon as it `is_done`."""

    arguments: tuple[Argument, ...]
    fallback: tuple[Argument, ...] | None = None
    is_done: bool = False
    reply: Any = None


def script_command(text: str, keys: Sequence[str], arguments: Sequence[Argument]) -> RedisCommand:
    """The call of a Lua script, by its hash: the text goes along only where the server does not know it."""
    rest = (len(keys), *keys, *arguments)
    return RedisCommand(("EVALSHA", _sha(text), *rest), fallback=("EVAL", text, *rest))


def commands_run(client: Redis, commands: Sequence[RedisCommand]) -> None:
    """Sends the commands, in their order, in one round trip. Raises RedisError for the first that failed."""
    replies = _exchange(client.connection_pool, [command.arguments for command in commands])
    failures = []
    for command, reply in zip(commands, replies, strict=True):
        if isinstance(reply, NoScriptError):
            # A restart or SCRIPT FLUSH forgot it.
            [reply] = _exchange(client.connection_pool, [command.fallback or ()])  # noqa: PLW2901
        if isinstance(reply, Exception):
            failures.append(reply)
        else:
            command.reply, command.is_done = reply, True
    if failures:
        # Not before: those behind it have been run, and are not to be sent again.
        raise failures[0]


def _exchange(pool: ConnectionPool, commands: Sequence[tuple[Argument, ...]]) -> list[Any]:
    """What redis-py's pipelines do, on a connection of theirs and without the rest of them: each read asks Redis, and
    a pipeline takes longer to be set up than Redis to answer. Nothing is sent a second time, for whoever asks goes on
    without Redis; the pool has seen to it that the connection stands."""
    # Half typed, by redis-py.
    connection: Any = pool.get_connection()
    try:
        connection.send_packed_command(connection.pack_commands(commands))
        return [_reply(connection) for _ in commands]
    except BaseException:
        # The rest of the answer may still come, and is nobody else's.
        connection.disconnect()
        raise
    finally:
        pool.release(connection)


def _reply(connection: Any) -> object:
    try:
        return connection.read_response()
    except ResponseError as error:
        return error


@cache
def _sha(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
