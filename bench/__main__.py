"""`python -m bench`: every scenario, one after another, and one table at the end.

BENCH_QUICK=1 takes a few minutes instead of twenty, BENCH_ENTRIES=1000000 shortens the long history, and
BENCH_ONLY=settle,v1 runs only the scenarios whose names begin so. BENCH_AGAINST=<commit> compares this checkout with
another commit instead: see docs/benchmarks.md.
"""

import os
import shutil
import signal
import sys
import time
from multiprocessing import resource_tracker
from pathlib import Path

from bench.against.checkout import CheckoutError
from bench.against.run import against_run
from bench.client import clients_run
from bench.sizes import Sizes, is_quick, sizes_chosen
from bench.stage import stage_set


def main() -> int:
    # A terminated run cleans up like an interrupted one.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wallet_project.settings")
    started_s = time.monotonic()
    # Before the stage marks all children as its own, which it stops at its end: this one is needed until ours.
    resource_tracker.ensure_running()
    against = os.environ.get("BENCH_AGAINST", "")
    try:
        clean = _against_run(against) if against else _run()
    except KeyboardInterrupt:
        print("Stopped.")
        return 130
    print(f"\nTook {(time.monotonic() - started_s) / 60:.1f} minutes.")
    return 0 if clean else 1


def _run() -> bool:
    sizes = sizes_chosen()
    with stage_set() as stage, clients_run():
        _room_check(stage.places.root, sizes)
        import django  # noqa: PLC0415 - the settings read where the servers are

        django.setup()
        from bench.scenarios import scenarios_run  # noqa: PLC0415 - needs the models

        return scenarios_run(stage, sizes, only=_only())


def _against_run(revision: str) -> bool:
    try:
        with clients_run():
            return against_run(revision, is_quick=is_quick(), only=_only())
    except CheckoutError as error:
        sys.exit(str(error))


def _only() -> tuple[str, ...]:
    return tuple(filter(None, os.environ.get("BENCH_ONLY", "").split(",")))


def _room_check(folder: Path, sizes: Sizes) -> None:
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < sizes.disk_bytes:
        sys.exit(
            f"{folder.parent} has {free_bytes / 1e9:.0f} GB left, {sizes.disk_bytes / 1e9:.0f} GB are needed. Set "
            "TMPDIR to a folder with more room, or BENCH_ENTRIES to less than 10000000."
        )


if __name__ == "__main__":
    sys.exit(main())
