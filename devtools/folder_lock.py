"""Allows one run per folder, with a lock that the kernel releases even if its holder is killed."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FolderTakenError(RuntimeError):
    """Another process holds the folder. `note` is what that process wrote about itself."""

    def __init__(self, note: str) -> None:
        super().__init__(note)
        self.note = note


@contextmanager
def folder_locked(path: Path, *, note: str = "") -> Iterator[None]:
    """Holds the lock file `path` and writes `note` into it for processes that find it taken. Raises
    FolderTakenError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            # lockf, not flock: child processes do not inherit it, so none can hold the lock after this process dies.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise FolderTakenError(file.read()) from None
        file.truncate(0)
        file.write(note)
        file.flush()
        yield
