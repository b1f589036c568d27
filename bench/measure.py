"""What a scenario measured, and what is asked of it."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bench.cpu import Cpu

PGBENCH = "pgbench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What a scenario's figure, divided by that of `relative_to`, must come to: at `least`, at `most`, `aim`ing for.

    `name` is what the table calls the scenario that it is held against.
    """

    least: float | None = None
    most: float | None = None
    aim: float | None = None
    relative_to: str = PGBENCH
    name: str = PGBENCH


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table. `problem` stands in for a figure that is not to be trusted.

    `cpu` is the processor time of one of the figure's units: of one transfer or one read."""

    scenario: str
    value: float = float("nan")
    unit: str = "transfers/s"
    p50_ms: float | None = None
    p99_ms: float | None = None
    cpu: Cpu | None = None
    bar: Bar | None = None
    note: str = ""
    problem: str = ""


def percentiles_ms(values: Sequence[float]) -> tuple[float, float]:
    """The 50th and the 99th percentile."""
    if len(values) < 2:
        return (values[0], values[0]) if values else (float("nan"), float("nan"))
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return cuts[49], cuts[98]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)
