"""One turn: requests for one side, or for both in step, and what they cost."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from bench.against.lockstep import lockstep_send
from bench.against.side import Side
from bench.against.workers import workers_held
from bench.client import Answers, Load, load_send
from bench.cpu import Cpu, Meter
from bench.requests import CONNECTIONS

#: A turn ends when its requests are answered. A side that has not answered by then fails.
_TURN_LIMIT_S = 300.0
_DELAY_S = 0.2
#: How long the processor time is counted after the last settlement, for what workers do after their commit.
_TAIL_S = 0.1

#: Makes so many requests; the same number (the second one) makes the same requests on both sides.
Requests = Callable[[int, int], Sequence[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is sent, and what comes of it.

    `requests` prepares a side once. Each request moves `transfers` transfers; 0 is a read. With `is_settled_later`
    they are posted by workers or consumers after the answer. With `is_held` the workers stand still until all of a turn
    are accepted, and only settling is measured. A turn has at least `requests_least` requests: in a turn of few
    transfers, most of the processor time would go to starting and ending the settlement.
    """

    requests: Callable[[Side], Requests]
    status: int
    transfers: int = 1
    connections: int = CONNECTIONS
    grpc_method: str = ""
    is_settled_later: bool = False
    is_held: bool = False
    requests_least: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What came of one side: `units` transfers or reads, of which the last was accepted after `accepted_s` and posted
    or read after `took_s`; the processor time of all; and how long each request, or settlement, took."""

    units: int
    took_s: float
    accepted_s: float
    cpu: Cpu
    latencies_ms: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Base:
    """A side before the turn."""

    side: Side
    meter: Meter
    posted: int
    entries: int

    def settled_await(self, count: int) -> float:
        return self.side.posted_await(base=self.posted, entries=self.entries, count=count)


def turn_play(plan: Plan, sides: Sequence[Side], requests: Sequence[Sequence[bytes]]) -> list[Turn]:
    """The turn of each side. Raises RuntimeError on a wrong answer, or if a side posts less than it accepted."""
    bases = [
        _Base(side=side, meter=side.meter(), posted=side.posted(), entries=side.entries_numbered()) for side in sides
    ]
    turns = _held_play(plan, bases, requests) if plan.is_held else _sent_play(plan, bases, requests)
    for base, turn in zip(bases, turns, strict=True):
        posted = base.side.posted() - base.posted
        if plan.transfers and posted != turn.units:
            raise RuntimeError(f"{base.side.name} answered for {turn.units} transfers and posted {posted}")
    return turns


def _base(side: Side) -> _Base:
    return _Base(side=side, meter=side.meter(), posted=side.posted(), entries=side.entries_numbered())


def _sent_play(plan: Plan, bases: Sequence[_Base], requests: Sequence[Sequence[bytes]]) -> list[Turn]:
    def start() -> None:
        for base in bases:
            base.meter.start()

    turns = []
    for base, answers in zip(bases, _send(plan, bases, requests, at_start=start), strict=True):
        units, took_s = len(answers.latencies_ms) * (plan.transfers or 1), answers.took_s
        if plan.is_settled_later:
            took_s = base.settled_await(units) - answers.started_s
            time.sleep(_TAIL_S)
        turns.append(
            Turn(
                units=units,
                took_s=took_s,
                accepted_s=answers.took_s,
                cpu=base.meter.stop(load_ms=answers.cpu_ms),
                latencies_ms=answers.latencies_ms,
            )
        )
    return turns


def _held_play(plan: Plan, bases: Sequence[_Base], requests: Sequence[Sequence[bytes]]) -> list[Turn]:
    with ExitStack() as stack:
        releases = [stack.enter_context(workers_held(base.side)) for base in bases]
        accepted = _send(plan, bases, requests, at_start=lambda: None)
        for base in bases:
            base.side.rest()
            if base.side.posted() != base.posted:
                raise RuntimeError(f"{base.side.name} settled transfers while its workers were held")
        for base in bases:
            base.meter.start()
        started_at, started_s = time.time(), time.monotonic()
        for release in releases:
            release()
        turns = []
        for base, answers in zip(bases, accepted, strict=True):
            units = len(answers.latencies_ms) * plan.transfers
            took_s = base.settled_await(units) - started_s
            time.sleep(_TAIL_S)
            turns.append(
                Turn(
                    units=units,
                    took_s=took_s,
                    accepted_s=answers.took_s,
                    cpu=base.meter.stop(),
                    latencies_ms=base.side.waits_ms(started_at),
                )
            )
    return turns


def _send(
    plan: Plan, bases: Sequence[_Base], requests: Sequence[Sequence[bytes]], *, at_start: Callable[[], None]
) -> Sequence[Answers]:
    loads = [
        Load(
            port=base.side.grpc_port if plan.grpc_method else base.side.site_port,
            requests=own,
            expected_status=plan.status,
            connections=min(plan.connections, len(own)),
            seconds=_TURN_LIMIT_S,
            count=len(own),
            delay_s=_DELAY_S,
            grpc_method=plan.grpc_method,
        )
        for base, own in zip(bases, requests, strict=True)
    ]
    if len(loads) == 1:
        answers: Sequence[Answers] = [load_send(loads[0], at_start=at_start)]
    else:
        answers = lockstep_send((loads[0], loads[1]), at_start=at_start)
    for base, load, answer in zip(bases, loads, answers, strict=True):
        if len(answer.latencies_ms) != len(load.requests):
            raise RuntimeError(f"{base.side.name} answered {len(answer.latencies_ms)} of {len(load.requests)} requests")
    return answers
