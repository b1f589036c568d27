"""Finds the Chromium that the browser tests drive; `python -m tests.chromium` installs it where it can."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright._impl._driver import compute_driver_executable

from tests.installing import is_ci, packages_install

_NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
_MAC_PATHS = [
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
]

MISSING = (
    "There is no Chromium here, which the browser tests drive. Install it (Debian: apt-get install chromium; "
    "macOS: brew install --cask chromium) or name one: CHROMIUM=/path/to/chromium"
)


def chromium_path() -> str | None:
    """The browser to drive: the one that CHROMIUM names, or what this machine has."""
    named = os.environ.get("CHROMIUM")
    found = map(shutil.which, [named] if named else [*_NAMES, *map(str, _MAC_PATHS)])
    return next(filter(None, found), None)


def main() -> int:
    if chromium_path() is None or not _driver_runs():
        packages_install("chromium", "libatomic1", what="Chromium for the browser tests")
    if chromium_path() is None:
        sys.stderr.write(f"{MISSING}\n")
        return 1 if is_ci() else 0
    return 0


def _driver_runs() -> bool:
    """Whether the program that steers the browser finds its libraries; a bare Debian has no libatomic."""
    node, _script = compute_driver_executable()
    return subprocess.run([node, "--version"], check=False, capture_output=True).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
