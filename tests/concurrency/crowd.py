"""Many at once: real threads, each with a connection of its own."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db import connection

from wallets.domain.errors import WalletError

T = TypeVar("T")
#: No test waits longer than this for anybody.
PATIENCE_S = 60


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What one of the crowd got: a value, or an error."""

    value: T | None = None
    error: Exception | None = None

    @property
    def code(self) -> str:
        """ "done", an error code of the catalogue, or the name of an exception that should not have been."""
        if self.error is None:
            return "done"
        return self.error.code if isinstance(self.error, WalletError) else repr(self.error)


def _connect() -> None:
    """A connection that waits for locks as long as the test does: on a busy machine, five seconds are not long."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{PATIENCE_S}s'")


def at_once(calls: Sequence[Callable[[], T]]) -> list[Answer[T]]:
    """Makes all calls at the same moment, each in a thread; their answers, in order."""
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
    """How often each code was answered."""
    found = [answer.code for answer in answers]
    return {code: found.count(code) for code in found}


class Meanwhile(Generic[T]):
    """One call in a thread of its own, whose answer is waited for when it is wanted."""

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
