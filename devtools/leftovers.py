"""Finds and stops processes that a killed run left behind.

Such a process is recognised by its environment, which names the run's folder. Unlike the number in a pid file, that
never matches another user's process by accident.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from devtools.servers import RUN_DIR_VARIABLE

_STOP_TIMEOUT_S = 10.0


def leftovers_stop(run_dir: Path) -> int:
    """Stops every process that was started for this folder, with SIGKILL if it does not react, and returns the number.

    Call it only while you hold the folder's lock. Otherwise the processes may belong to a run that is still alive.
    """
    leftovers = list(_leftovers(run_dir))
    for process in leftovers:
        with suppress(psutil.NoSuchProcess):
            # SIGINT is Postgres's "fast" shutdown: it does not wait for its clients, which may be leftovers too.
            process.send_signal(signal.SIGINT if process.name() == "postgres" else signal.SIGTERM)
    _, alive = psutil.wait_procs(leftovers, timeout=_STOP_TIMEOUT_S)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=_STOP_TIMEOUT_S)
    return len(leftovers)


def _leftovers(run_dir: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(RUN_DIR_VARIABLE) == str(run_dir) and process.pid != os.getpid():
                yield process
