"""One run per folder: a lock that the kernel gives back when its holder dies, however it dies."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FolderTakenError(RuntimeError):
    """Another process holds the folder; `note` is what it wrote about itself."""

    def __init__(self, note: str) -> None:
        super().__init__(note)
        self.note = note


@contextmanager
def folder_locked(path: Path, *, note: str = "") -> Iterator[None]:
    """Holds the lock file `path` and leaves `note` in it for whoever comes second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            # lockf, not flock: a child process does not inherit it, so none can hold it beyond our death.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise FolderTakenError(file.read()) from None
        file.truncate(0)
        file.write(note)
        file.flush()
        yield
