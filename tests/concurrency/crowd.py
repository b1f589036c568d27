"""Concurrent calls in real threads, each with its own database connection."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db import connection

from wallets.domain.errors import WalletError

T = TypeVar("T")
#: No test waits longer than this for a thread or a process.
PATIENCE_S = 60


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """The result of one call: a value or an error."""

    value: T | None = None
    error: Exception | None = None

    @property
    def code(self) -> str:
        """ "done", an error code of the catalogue, or the repr of an unexpected exception."""
        if self.error is None:
            return "done"
        return self.error.code if isinstance(self.error, WalletError) else repr(self.error)


def _connect() -> None:
    """Lets the connection wait for locks as long as the test does, because a busy machine may need more than 5 s."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{PATIENCE_S}s'")


def at_once(calls: Sequence[Callable[[], T]]) -> list[Answer[T]]:
    """Makes all calls at the same moment, each in its own thread. Returns their answers, in order."""
    gate = threading.Barrier(len(calls))
    answers: list[Answer[T]] = [Answer(error=TimeoutError("still running"))] * len(calls)

    def run(number: int) -> None:
        try:
            _connect()
            gate.wait(PATIENCE_S)
            answers[number] = Answer(value=calls[number]())
        except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
            answers[number] = Answer(error=error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    return answers


def codes(answers: Sequence[Answer[T]]) -> dict[str, int]:
    """How often each code occurs in the answers."""
    found = [answer.code for answer in answers]
    return {code: found.count(code) for code in found}


class Meanwhile(Generic[T]):
    """One call in its own thread. `answer` waits for its result."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._answer: Answer[T] = Answer(error=TimeoutError("still running"))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def answer(self) -> Answer[T]:
        self._thread.join(PATIENCE_S)
        return self._answer

    def _run(self) -> None:
        try:
            _connect()
            self._answer = Answer(value=self._call())
        except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
            self._answer = Answer(error=error)
        finally:
            connection.close()
