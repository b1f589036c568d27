"""The machine that a run was measured on: no figure can be judged without it."""

import os
import platform
import tempfile
import time
from pathlib import Path

import psycopg

from bench.measure import percentiles_ms

_SETTINGS = ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size", "work_mem", "jit")
_SYNCS = 50


def machine_lines(folder: Path, *, url: str) -> list[str]:
    """Processor, memory, system, and the time of a sync in `folder`; then Python and the Postgres at `url`."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    with psycopg.connect(url) as connection:
        version = connection.execute("SELECT current_setting('server_version')").fetchall()[0][0]
        rows = connection.execute(
            "SELECT name, current_setting(name) FROM unnest(%s::text[]) AS name", [list(_SETTINGS)]
        )
        settings = ", ".join(f"{name} {value}" for name, value in rows)
    machine = f"{_processor()}, {os.cpu_count()} cores, {memory_gb:.0f} GB, {platform.system()} {platform.release()}"
    return [
        f"Machine: {machine}; load before the run {os.getloadavg()[0]:.1f}; fdatasync takes {_sync_ms(folder):.2f} ms",
        f"Python {platform.python_version()}; Postgres {version} with its default settings ({settings})",
    ]


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
