"""What is asked of Redis, and sent together: the way there and back takes longer than any answer.

An errand is made first, sent with whatever else goes the same way, and asked for its reply later. Nobody sends one
twice: one that has no reply by the time it is needed is sent alone.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from redis import Redis
from redis.exceptions import NoScriptError

Argument = str | bytes | int | float


@dataclass(slots=True, eq=False)
class Errand:
    """One command for Redis. `otherwise` is sent in its place where the server has forgotten the script. `reply` holds
    the answer as soon as it `is_done`."""

    command: tuple[Argument, ...]
    otherwise: tuple[Argument, ...] | None = None
    is_done: bool = False
    reply: Any = None


def script_errand(text: str, keys: Sequence[str], arguments: Sequence[Argument]) -> Errand:
    """The call of a Lua script, by its hash: the text goes along only where the server does not know it."""
    rest = (len(keys), *keys, *arguments)
    return Errand(("EVALSHA", _sha(text), *rest), otherwise=("EVAL", text, *rest))


def errands_run(client: Redis, errands: Sequence[Errand]) -> None:
    """Sends the errands, in their order, in one round trip. Raises RedisError for the first that failed."""
    if len(errands) == 1:
        replies = [_run_alone(client, errands[0])]
    else:
        with client.pipeline(transaction=False) as pipeline:
            for errand in errands:
                pipeline.execute_command(*errand.command)  # type: ignore[no-untyped-call]  # redis-py is half typed
            replies = pipeline.execute(raise_on_error=False)
    for errand, reply in zip(errands, replies, strict=True):
        if isinstance(reply, NoScriptError):
            # A restart or SCRIPT FLUSH forgot it.
            reply = client.execute_command(*(errand.otherwise or ()))  # type: ignore[no-untyped-call]  # noqa: PLW2901
        if isinstance(reply, Exception):
            raise reply
        errand.reply, errand.is_done = reply, True


def _run_alone(client: Redis, errand: Errand) -> object:
    try:
        return client.execute_command(*errand.command)  # type: ignore[no-untyped-call]  # redis-py is half typed
    except NoScriptError as error:
        return error


@cache
def _sha(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
