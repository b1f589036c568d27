"""The table at the end, and the machine it was measured on."""

import os
import platform
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.db import connection

from bench.measure import PGBENCH, Bar, Figure, percentiles_ms

_SETTINGS = ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size", "work_mem", "jit")
_SYNCS = 50
_TITLES = ("scenario", "figure", "unit", "p50 ms", "p99 ms", "x pgbench", "bar", "verdict")
_NUMBERS = {"figure", "p50 ms", "p99 ms", "x pgbench"}


def machine_lines(folder: Path) -> list[str]:
    """What a figure cannot be judged without."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version')")
        version = cursor.fetchone()[0]
        cursor.execute("SELECT name, current_setting(name) FROM unnest(%s::text[]) AS name", [list(_SETTINGS)])
        settings = ", ".join(f"{name} {value}" for name, value in cursor.fetchall())
    machine = f"{_processor()}, {os.cpu_count()} cores, {memory_gb:.0f} GB, {platform.system()} {platform.release()}"
    return [
        f"Machine: {machine}; load before the run {os.getloadavg()[0]:.1f}; fdatasync takes {_sync_ms(folder):.2f} ms",
        f"Python {platform.python_version()}; Postgres {version} as it comes ({settings})",
    ]


def table_lines(figures: Sequence[Figure]) -> list[str]:
    """All figures, each with its ratio to pgbench and whether its bar is met."""
    known = {figure.scenario: figure.value for figure in figures if not figure.problem}
    rows = [_TITLES, *(_row(figure, known) for figure in figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(_cell, row, widths, _TITLES)) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    notes = [f"{figure.scenario}: {figure.note}" for figure in figures if figure.note]
    return [line.rstrip() for line in lines] + ["", *notes]


def _row(figure: Figure, known: Mapping[str, float]) -> tuple[str, ...]:
    if figure.problem:
        return (figure.scenario, "FAILED", "", "", "", "", "", figure.problem[:120])
    ratio = _ratio(figure.value, known.get(PGBENCH)) if figure.unit == "transfers/s" else None
    return (
        figure.scenario,
        _number(figure.value),
        figure.unit,
        _number(figure.p50_ms),
        _number(figure.p99_ms),
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


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def _cell(text: str, width: int, title: str) -> str:
    return text.rjust(width) if title in _NUMBERS else text.ljust(width)


def _processor() -> str:
    """Linux keeps the name in a file; elsewhere Python knows as much as there is to know."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _sync_ms(folder: Path) -> float:
    """What a commit has to wait for, at least."""
    times_ms = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(_SYNCS):
            file.write(b"\0" * 8_192)
            file.flush()
            started_s = time.perf_counter()
            os.fdatasync(file.fileno()) if hasattr(os, "fdatasync") else os.fsync(file.fileno())
            times_ms.append((time.perf_counter() - started_s) * 1_000)
    return percentiles_ms(times_ms)[0]
