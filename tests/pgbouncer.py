"""Finds the PgBouncer that the tests of poolers start; `python -m tests.pgbouncer` installs it where it can."""

import os
import shutil
import sys

from tests.installing import is_ci, packages_install

MISSING = (
    "There is no PgBouncer here, which the tests of poolers start. Install it (Debian: apt-get install pgbouncer)."
)


def pgbouncer_path() -> str | None:
    # Debian puts it where only root looks.
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


def main() -> int:
    if pgbouncer_path() is None:
        packages_install("pgbouncer", what="PgBouncer for the tests of poolers")
    if pgbouncer_path() is None:
        sys.stderr.write(f"{MISSING}\n")
        return 1 if is_ci() else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
