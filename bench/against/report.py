"""The table of a comparison: for each scenario a line for each side, and one with their ratios."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bench.against.turns import Outcome, error_share
from bench.measure import percentiles_ms
from bench.report import CPU_TITLES, cpu_cells, lines_align, number_format

#: So much more processor time is worth a remark.
MORE = 1.03
_TITLES = ("scenario", "side", "rate", "unit", "p50 ms", "p99 ms", *CPU_TITLES, "CPU sum", "")
_WORDS = {"scenario", "side", "unit", ""}
_EXPLAINED = (
    "Rates: the median of the rounds, one side at a time. p50, p99 and CPU: both sides at the same time.",
    "CPU: processor time in milliseconds for one transfer or read. The sum is that of site, Postgres and Redis;",
    "beside its ratio, how far that may be off by chance.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One scenario: the outcome of the other commit and of this checkout, or why there is none."""

    name: str
    unit: str
    outcomes: Sequence[Outcome] = ()
    problem: str = ""

    @property
    def cpu_ratio(self) -> float:
        """This checkout's processor time for one unit, divided by the other commit's."""
        other, own = self.outcomes
        return own.cpu.served_ms / other.cpu.served_ms


def comparison_lines(comparisons: Sequence[Comparison], names: Sequence[str]) -> list[str]:
    """The table, what it means, and which scenarios take more processor time than they did."""
    rows: list[tuple[str, ...]] = [_TITLES]
    for comparison in comparisons:
        rows += _rows(comparison, names)
    more = [
        f"{comparison.name} ({ratio:.3f} ± {error_share(comparison.outcomes):.3f})"
        for comparison in comparisons
        if not comparison.problem and (ratio := comparison.cpu_ratio) > MORE
    ]
    verdict = f"More than {MORE - 1:.0%} more processor time: {', '.join(more) if more else 'no scenario'}."
    return [*lines_align(rows, words=_WORDS), "", *_EXPLAINED, verdict]


def _rows(comparison: Comparison, names: Sequence[str]) -> list[tuple[str, ...]]:
    if comparison.problem:
        return [(comparison.name, "FAILED", *[""] * (len(_TITLES) - 3), comparison.problem[:200])]
    rows = [_side_row(comparison, name, outcome) for name, outcome in zip(names, comparison.outcomes, strict=True)]
    rows.append(_ratio_row(comparison))
    rows[0] = (comparison.name, *rows[0][1:])
    return rows


def _side_row(comparison: Comparison, name: str, outcome: Outcome) -> tuple[str, ...]:
    p50_ms, p99_ms = percentiles_ms(outcome.latencies_ms)
    cpu = outcome.cpu
    note = f"accepted {number_format(statistics.median(outcome.accepted))}/s" if outcome.accepted else ""
    return (
        "", name, number_format(outcome.rate), comparison.unit, number_format(p50_ms), number_format(p99_ms),
        *cpu_cells(cpu), f"{cpu.served_ms:.3f}", note,
    )  # fmt: skip


def _ratio_row(comparison: Comparison) -> tuple[str, ...]:
    other, own = comparison.outcomes
    waits = [percentiles_ms(outcome.latencies_ms) for outcome in comparison.outcomes]
    before, now = other.cpu.ms, own.cpu.ms
    parts = [
        _ratio(now.get(title.removeprefix("CPU "), 0.0), before.get(title.removeprefix("CPU "), 0.0))
        for title in CPU_TITLES
    ]
    return (
        "", "ratio", _ratio(own.rate, other.rate), "", _ratio(waits[1][0], waits[0][0]),
        _ratio(waits[1][1], waits[0][1]), *parts, f"{comparison.cpu_ratio:.3f}",
        f"± {error_share(comparison.outcomes):.3f}",
    )  # fmt: skip


def _ratio(value: float, base: float) -> str:
    return f"{value / base:.2f}" if base else ""
