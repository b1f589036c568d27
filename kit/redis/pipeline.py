"""Sends several Redis commands in one round trip, because the round trip takes longer than any answer.

One part of the code makes a command, another sends it together with its own, and the first reads the reply later. A
command that nobody has sent by the time its reply is needed is sent alone. No command is sent twice.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from redis import ConnectionPool, Redis
from redis.exceptions import NoScriptError, RedisError, ResponseError

Argument = str | bytes | int | float


class MalformedReplyError(RedisError):
    """Redis answered something else than the command returns. It counts as being away."""


@dataclass(slots=True, eq=False)
class RedisCommand:
    """One command and its reply, which is set once `is_done`.

    `fallback` is sent instead if the server does not know the script that `arguments` call.
    """

    arguments: tuple[Argument, ...]
    fallback: tuple[Argument, ...] | None = None
    is_done: bool = False
    reply: Any = None


def script_command(text: str, keys: Sequence[str], arguments: Sequence[Argument]) -> RedisCommand:
    """Calls a Lua script by its hash. The text is sent only to a server that does not know the script."""
    rest = (len(keys), *keys, *arguments)
    return RedisCommand(("EVALSHA", _sha(text), *rest), fallback=("EVAL", text, *rest))


def commands_run(client: Redis, commands: Sequence[RedisCommand]) -> None:
    """Sends the commands in order, in one round trip, and stores their replies.

    Raises RedisError for the first that failed, after all of them have run.
    """
    replies = _exchange(client.connection_pool, [command.arguments for command in commands])
    failures = []
    for command, reply in zip(commands, replies, strict=True):
        if isinstance(reply, NoScriptError):
            # The server was restarted, or SCRIPT FLUSH made it forget the script.
            [reply] = _exchange(client.connection_pool, [command.fallback or ()])  # noqa: PLW2901
        if isinstance(reply, Exception):
            failures.append(reply)
        else:
            command.reply, command.is_done = reply, True
    if failures:
        # Only now: the commands after the failed one have run too, and their callers must not send them again.
        raise failures[0]


def _exchange(pool: ConnectionPool, commands: Sequence[tuple[Argument, ...]]) -> list[Any]:
    """Sends the commands and returns their replies, on a connection from redis-py's pool.

    redis-py's own pipeline takes longer to set up than Redis takes to answer, and every cached read comes through here.
    The pool returns a working connection. If it fails all the same, nothing is sent again: callers can do without
    Redis.
    """
    # Any: redis-py's types are incomplete.
    connection: Any = pool.get_connection()
    try:
        connection.send_packed_command(connection.pack_commands(commands))
        return [_reply(connection) for _ in commands]
    except BaseException:
        # Unread replies may still arrive, and the next user of the connection must not get them.
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
