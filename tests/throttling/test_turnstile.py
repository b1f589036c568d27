"""A turnstile lets few in, lets a few wait, and refuses the rest at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kit.limits.turnstile import Turnstile, TurnstileFull
from tests.settlement.waiting import wait_until


class Visitors:
    """Threads that stay inside until they are let go."""

    def __init__(self, turnstile: Turnstile) -> None:
        self._turnstile = turnstile
        self._leave = threading.Event()
        self._threads: list[threading.Thread] = []
        self.inside = 0
        self.inside_most = 0
        self.refused = 0

    def arrive(self, count: int) -> None:
        self._threads += [threading.Thread(target=self._visit, daemon=True) for _ in range(count)]
        for thread in self._threads[-count:]:
            thread.start()

    def leave(self) -> None:
        self._leave.set()
        for thread in self._threads:
            thread.join(10)

    def _visit(self) -> None:
        try:
            with self._turnstile.pass_through():
                self.inside += 1
                self.inside_most = max(self.inside_most, self.inside)
                self._leave.wait(10)
                self.inside -= 1
        except TurnstileFull:
            self.refused += 1


@contextmanager
def visitors_of(turnstile: Turnstile, *, count: int) -> Iterator[Visitors]:
    visitors = Visitors(turnstile)
    visitors.arrive(count)
    try:
        yield visitors
    finally:
        visitors.leave()


def test_those_who_find_no_place_to_wait_are_refused_at_once() -> None:
    with visitors_of(Turnstile(inside_max=1, waiting_max=2, wait_s=30), count=20) as visitors:
        wait_until(lambda: visitors.refused == 17, what="all but three are refused", timeout_s=10)
        assert visitors.inside == 1

    assert (visitors.refused, visitors.inside_most) == (17, 1)


def test_those_who_wait_get_in_when_somebody_leaves() -> None:
    turnstile = Turnstile(inside_max=1, waiting_max=1, wait_s=30)
    with visitors_of(turnstile, count=2):
        pass

    with turnstile.pass_through():
        pass


def test_nobody_waits_longer_than_the_limit() -> None:
    turnstile = Turnstile(inside_max=1, waiting_max=5, wait_s=0.05)
    with visitors_of(turnstile, count=1) as visitors:
        wait_until(lambda: visitors.inside == 1, what="one is inside")
        with pytest.raises(TurnstileFull), turnstile.pass_through():
            raise AssertionError("Two are inside.")


def test_a_failure_inside_leaves_the_place_free() -> None:
    turnstile = Turnstile(inside_max=1, waiting_max=0, wait_s=0)
    with pytest.raises(ValueError, match="inside"), turnstile.pass_through():
        raise ValueError("inside")

    with turnstile.pass_through():
        pass
