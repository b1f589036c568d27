"""The table at the end."""

from collections.abc import Collection, Mapping, Sequence

from bench.cpu import PARTS, Cpu
from bench.measure import PGBENCH, Bar, Figure

#: Above the columns of processor time in milliseconds: of one request, transfer or read, whichever the figure counts.
CPU_TITLES = tuple(f"CPU {part}" for part in PARTS)
_TITLES = ("scenario", "figure", "unit", "p50 ms", "p99 ms", *CPU_TITLES, "x pgbench", "bar", "verdict")
_WORDS = {"scenario", "unit", "bar", "verdict"}


def table_lines(figures: Sequence[Figure]) -> list[str]:
    """All figures, each with its ratio to pgbench and whether its bar is met."""
    known = {figure.scenario: figure.value for figure in figures if not figure.problem}
    rows = [_TITLES, *(_row(figure, known) for figure in figures)]
    notes = [f"{figure.scenario}: {figure.note}" for figure in figures if figure.note]
    explained = "CPU: processor time in milliseconds for one transfer, read or event, whichever the figure counts."
    return [*lines_align(rows, words=_WORDS), "", explained, *notes]


def lines_align(rows: Sequence[Sequence[str]], *, words: Collection[str]) -> list[str]:
    """The rows below their titles (the first row). Columns titled by one of `words` stand left, numbers right."""
    titles = rows[0]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            text.ljust(width) if title in words else text.rjust(width)
            for text, width, title in zip(row, widths, titles, strict=True)
        )
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return [line.rstrip() for line in lines]


def cpu_cells(cpu: Cpu | None) -> list[str]:
    """One cell for each of PARTS, empty where nothing was measured."""
    known = cpu.ms if cpu else {}
    return [f"{known[part]:.3f}" if part in known else "" for part in PARTS]


def _row(figure: Figure, known: Mapping[str, float]) -> tuple[str, ...]:
    if figure.problem:
        return (figure.scenario, "FAILED", "", "", "", *cpu_cells(None), "", "", figure.problem[:120])
    ratio = _ratio(figure.value, known.get(PGBENCH)) if figure.unit == "transfers/s" else None
    return (
        figure.scenario,
        number_format(figure.value),
        figure.unit,
        number_format(figure.p50_ms),
        number_format(figure.p99_ms),
        *cpu_cells(figure.cpu),
        f"{ratio:.2f}" if ratio else "",
        _bar(figure.bar) if figure.bar else "",
        _verdict(figure, figure.bar, known) if figure.bar else "",
    )


def _bar(bar: Bar) -> str:
    words = f"≥ {bar.least:g} x" if bar.least is not None else f"≤ {bar.most:g} x"
    aim = f", aim {bar.aim:g} x" if bar.aim is not None else ""
    return f"{words} {bar.name}{aim}"


def _verdict(figure: Figure, bar: Bar, known: Mapping[str, float]) -> str:
    ratio = _ratio(figure.value, known.get(bar.relative_to))
    if ratio is None:
        return f"nothing to compare with ({bar.relative_to})"
    if bar.least is not None and ratio < bar.least:
        return f"{ratio:.2f} x: missed by {1 - ratio / bar.least:.0%}"
    if bar.most is not None and ratio > bar.most:
        return f"{ratio:.2f} x: missed by {ratio / bar.most - 1:.0%}"
    if bar.aim is not None and ratio < bar.aim:
        return f"{ratio:.2f} x: met (aim missed by {1 - ratio / bar.aim:.0%})"
    return f"{ratio:.2f} x: met"


def _ratio(value: float, base: float | None) -> float | None:
    return value / base if base else None


def number_format(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
