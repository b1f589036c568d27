"""A worker process that runs jobs: `python -m tests.concurrency.worker`. `processes.py` starts it.

It reads one JSON object per line ({"job": …} and the job's arguments), and writes one JSON value per line in answer.
"""

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import django

django.setup()

from django.db import connection  # noqa: E402

from tests.concurrency.crowd import PATIENCE_S  # noqa: E402
from transactions.ledger.commands import Command  # noqa: E402
from transactions.ledger.post import post  # noqa: E402
from transactions.models import Kind  # noqa: E402
from wallets.domain.errors import WalletError  # noqa: E402
from wallets.models import User  # noqa: E402
from wallets.node_leases import snowflake_next  # noqa: E402
from wallets.services import user_register, wallet_open  # noqa: E402


def ids(count: int) -> list[int]:
    return [snowflake_next() for _ in range(count)]


def ids_of_forks(children: int, count: int) -> list[list[int]]:
    """Ids that this process made before forking and after it, and then those of each child."""
    made = [ids(count)]
    ends = [_forked(count) for _ in range(children)]
    made.append(ids(count))
    for child, end in ends:
        with os.fdopen(end) as pipe:
            made.append(json.load(pipe))
        os.waitpid(child, 0)
    return made


def _forked(count: int) -> tuple[int, int]:
    """Forks a child, as gunicorn forks its workers. The child sends its ids through the pipe."""
    end, beginning = os.pipe()
    child = os.fork()
    if child:
        os.close(beginning)
        return child, end
    os.close(end)
    with os.fdopen(beginning, "w") as pipe:
        json.dump(ids(count), pipe)
    os._exit(0)


def moves(ways: list[dict[str, Any]], times: int) -> dict[str, int]:
    """Posts each command by itself, `times` times. Returns how often each answer came."""
    answers: Counter[str] = Counter()
    for _ in range(times):
        for way in ways:
            answers[_posted(Command(**{**way, "kind": Kind(way["kind"])}))] += 1
    return answers


def moved(way: dict[str, Any]) -> list[Any]:
    """Posts one command. Returns [transaction id, replayed]."""
    (outcome,) = post([Command(**{**way, "kind": Kind(way["kind"])})])
    return [outcome.transaction and outcome.transaction.id, outcome.replayed]


def _posted(command: Command) -> str:
    try:
        (outcome,) = post([command])
    except Exception as error:  # noqa: BLE001 - the test looks at it
        return repr(error)
    return outcome.error.code if outcome.error else "done"


def register(username: str, email: str) -> str:
    return _code(lambda: user_register(username=username, email=email, password="seven lanterns"))


def open_wallet(owner_id: int, currency: str) -> str:
    owner = User.objects.get(pk=owner_id)
    return _code(lambda: wallet_open(owner=owner, currency=currency))


def _code(call: Callable[[], object]) -> str:
    try:
        call()
    except WalletError as error:
        return error.code
    return "done"


def stop_at(statement: str, way: dict[str, Any]) -> None:
    """Posts the command, but stops after this statement until it is killed."""

    def stop(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        result = execute(sql, *rest)
        if statement in sql:
            _say("stopped")
            time.sleep(PATIENCE_S)
        return result

    with connection.execute_wrapper(stop):
        moved(way)


def stop_after_commit(way: dict[str, Any]) -> None:
    """Posts the command, and stops after the commit until it is killed."""
    moved(way)
    _say("stopped")
    time.sleep(PATIENCE_S)


JOBS: dict[str, Callable[..., Any]] = {
    job.__name__: job for job in (ids, ids_of_forks, moves, moved, register, open_wallet, stop_at, stop_after_commit)
}


def _say(answer: Any) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def main() -> None:
    connection.ensure_connection()
    _say("ready")
    for line in sys.stdin:
        order = json.loads(line)
        _say(JOBS[order.pop("job")](**order))


if __name__ == "__main__":
    main()
