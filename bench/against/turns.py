"""One scenario on both sides: their processor time in step, then their rates by turns.

Processor time: both sides answer the same requests at the same time (`lockstep.py`). Each turn gives a pair of figures
that the rest of the machine has disturbed alike. The first turn is not counted, and there are more of them the further
the others are apart.

Rates: one side at a time, A B B A and then B A A B, so that a steady change of the machine's speed or of the tables'
size weighs on both alike.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bench.against.play import Plan, Requests, Turn, turn_play
from bench.against.side import Side
from bench.cpu import Cpu

_WARM_UPS = 3
#: In step, if requests are all that is measured. With many at once, the threads of a worker fight for the interpreter's
#: lock, and the cost of that depends on how the connections happen to be spread over the workers.
_CONNECTIONS = 2
#: Warm-ups, turns in step and turns for the rates take their numbers from here on, so that no key comes twice.
_IN_STEP, _FOR_RATES = 100, 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """How long is measured.

    In step: turns of `in_step_s` seconds until `error` is reached (see `error_share`), at least `in_step_least` and at
    most `in_step_most` that count. For the rates: `rounds` of turns of `turn_s` seconds in the order `order`. A turn
    that only settles has `held_requests` requests."""

    in_step_least: int
    in_step_most: int
    in_step_s: float
    error: float
    rounds: int
    turn_s: float
    order: Sequence[int]
    held_requests: int


@dataclass(slots=True)
class Outcome:
    """What came of one side: the turns in step, and the rate of each round, in transfers or reads a second.

    `accepted` is how fast they were accepted, if they are settled later."""

    in_step: list[Turn] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    accepted: list[float] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def cpu(self) -> Cpu:
        """Of one transfer or read."""
        total = sum((turn.cpu for turn in self.in_step), Cpu({}))
        return total.per(sum(turn.units for turn in self.in_step))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Player:
    """A side, who makes its requests, and what came of them so far."""

    side: Side
    requests: Requests
    outcome: Outcome = field(default_factory=Outcome)


def plan_compare(plan: Plan, sides: Sequence[Side], lengths: Lengths) -> list[Outcome]:
    """The outcome of each side. Raises RuntimeError as `turn_play` does."""
    players = [_Player(side=side, requests=plan.requests(side)) for side in sides]
    per_s = _warm_up(plan, players, lengths)
    _in_step(plan, players, lengths, _count(plan, lengths, per_s * lengths.in_step_s / 2))
    _rates(plan, players, lengths, _count(plan, lengths, per_s * lengths.turn_s))
    return [player.outcome for player in players]


def error_share(outcomes: Sequence[Outcome]) -> float:
    """How far off the ratio of the sides' processor time may be by chance: two standard errors, 0.01 being 1 %."""
    logs = [
        math.log(own.cpu.per(own.units).served_ms / other.cpu.per(other.units).served_ms)
        for other, own in zip(*(outcome.in_step for outcome in outcomes), strict=True)
    ]
    return 2 * statistics.stdev(logs) / math.sqrt(len(logs))


def _warm_up(plan: Plan, players: Sequence[_Player], lengths: Lengths) -> float:
    """How many requests a side answers in a second; these turns do not count."""
    count = _count(plan, lengths, 4 * plan.connections)
    took_s = 0.0
    for number in range(_WARM_UPS):
        turns = [turn_play(plan, [player.side], [player.requests(count, number)])[0] for player in players]
        took_s = statistics.mean(turn.accepted_s for turn in turns)
    return count / took_s


def _count(plan: Plan, lengths: Lengths, wished: float) -> int:
    return lengths.held_requests if plan.is_held else max(plan.requests_least, round(wished))


def _in_step(plan: Plan, players: Sequence[_Player], lengths: Lengths, count: int) -> None:
    if not (plan.is_held or plan.is_settled_later):
        plan = replace(plan, connections=_CONNECTIONS)
    outcomes = [player.outcome for player in players]
    for number in range(lengths.in_step_most + 1):
        _rest(plan, players)
        requests = [player.requests(count, _IN_STEP + number) for player in players]
        turns = turn_play(plan, [player.side for player in players], requests)
        if number == 0:
            continue
        for outcome, turn in zip(outcomes, turns, strict=True):
            outcome.in_step.append(turn)
            outcome.latencies_ms += turn.latencies_ms
        if number >= lengths.in_step_least and error_share(outcomes) < lengths.error:
            return


def _rates(plan: Plan, players: Sequence[_Player], lengths: Lengths, count: int) -> None:
    for number in range(lengths.rounds):
        _rest(plan, players)
        played: list[list[Turn]] = [[] for _ in players]
        for first in lengths.order:
            at = first if number % 2 == 0 else 1 - first
            serial = _FOR_RATES + len(lengths.order) * number + len(played[at])
            played[at] += turn_play(plan, [players[at].side], [players[at].requests(count, serial)])
        for player, turns in zip(players, played, strict=True):
            units = sum(turn.units for turn in turns)
            player.outcome.rates.append(units / sum(turn.took_s for turn in turns))
            if plan.is_settled_later:
                player.outcome.accepted.append(units / sum(turn.accepted_s for turn in turns))


def _rest(plan: Plan, players: Sequence[_Player]) -> None:
    if plan.transfers:
        for player in players:
            player.side.rest()
