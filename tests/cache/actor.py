"""An actor of the test world: a thread that pauses before each of its steps until the test lets it go on."""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from django.db import connections

if TYPE_CHECKING:
    from tests.cache.world import World

PATIENCE_S = 30.0
#: The steps before which a writer holds the row lock.
IN_TRANSACTION = {"fence", "note", "commit"}


class Death(BaseException):
    """Ends an actor like kill -9."""


class Actor:
    """A thread with work to do, paused before its next step. `at` names that step, or is "idle", "done" or "dead"."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.at = "idle"
        self.is_cut_off = False
        self.wakes_at_ms = 0
        self.began_ms = 0
        self.result: Any = None
        self._error: BaseException | None = None
        self._is_doomed = False
        self._go, self._stands = threading.Semaphore(0), threading.Semaphore(0)
        self._work: SimpleQueue[Callable[[], Any] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    @property
    def is_busy(self) -> bool:
        return self.at not in {"idle", "done", "dead"}

    @property
    def is_asleep(self) -> bool:
        return self.at == "sleep" and self.world.now_ms < self.wakes_at_ms

    @property
    def is_waiting(self) -> bool:
        """Whether the actor waits: for time to pass, for another writer's row lock, or for a sweeping reader's lock."""
        row_held = any(other.at in IN_TRANSACTION for other in self.world.writers)
        note_held = any(other.at == "evict" for other in self.world.readers)
        return self.is_asleep or (self.at == "write" and row_held) or (self.at == "note" and note_held)

    def begin(self, work: Callable[[], Any], *, cut_off: bool = False) -> "Actor":
        self.is_cut_off, self._is_doomed, self._error = cut_off, False, None
        self._work.put(work)
        return self._wait()

    def step(self) -> "Actor":
        """Runs the next step and pauses before the one after it."""
        assert self.is_busy, self.at
        self._go.release()
        return self._wait()

    def run(self, *, until: str = "done") -> "Actor":
        """Runs until the actor pauses before this step, or is done. If it sleeps, lets the time pass."""
        while self.is_busy and self.at != until:
            if self.is_asleep:
                self.world.pass_ms(self.wakes_at_ms - self.world.now_ms)
            self.step()
        assert self.at == until, self.at
        return self

    def die(self) -> None:
        self._is_doomed = True
        while self.is_busy:
            self.step()

    def stop(self) -> None:
        if self.is_busy:
            self.die()
        self._work.put(None)
        self._thread.join(PATIENCE_S)

    def stand(self, at: str) -> None:
        """Pauses before a step. Called on the actor's own thread."""
        self.at = at
        self._stands.release()
        self._go.acquire()
        if self._is_doomed:
            raise Death

    def _wait(self) -> "Actor":
        assert self._stands.acquire(timeout=PATIENCE_S), f"It hangs after {self.at}."
        if self._error is not None:
            raise self._error
        return self

    def _live(self) -> None:
        self.world.local.actor = self
        while work := self._work.get():
            try:
                self.result = work()
                self.at = "done"
            except Death:
                self.at = "dead"
            except BaseException as error:  # noqa: BLE001 - the test's thread raises it
                self._error, self.at = error, "dead"
            self._stands.release()
        connections.close_all()
