"""Finds and stops processes that a killed run left behind.

Such a process is recognised by its environment, which names the run's folder. Unlike the number in a pid file, that
never matches another user's process by accident.
"""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from devtools.folder_lock import FolderTakenError, folder_locked
from devtools.servers import RUN_DIR_VARIABLE

_STOP_TIMEOUT_S = 10.0
#: A folder that was made more recently may belong to a run that is about to lock it.
_FRESH_S = 60


def abandoned_remove(*, prefix: str) -> None:
    """Stops the servers of killed runs whose temporary folders begin with `prefix`, and removes these folders."""
    for root in Path(tempfile.gettempdir()).glob(prefix + "*"):
        # Another run may remove the folder at the same time.
        with suppress(FolderTakenError, FileNotFoundError):
            found = root.stat()
            if found.st_uid == os.getuid() and time.time() - found.st_mtime >= _FRESH_S:
                _abandoned_clear(root)


def _abandoned_clear(root: Path) -> None:
    # Race: another run clears the folder at the same time. One of the two gets the lock.
    with folder_locked(root / "lock"):
        leftovers_stop(root)
        shutil.rmtree(root, ignore_errors=True)


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
