"""Finds the Chromium that the browser tests drive; `python -m tests.chromium` installs it where it can."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from playwright._impl._driver import compute_driver_executable

_NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
_MAC_PATHS = [
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
]
_INSTALL_TIMEOUT_S = 900

MISSING = (
    "There is no Chromium here, which the browser tests drive. Install it (Debian: apt-get install chromium; "
    "macOS: brew install --cask chromium) or name one: CHROMIUM=/path/to/chromium"
)


def chromium_path() -> str | None:
    """The browser to drive: the one that CHROMIUM names, or what this machine has."""
    named = os.environ.get("CHROMIUM")
    found = map(shutil.which, [named] if named else [*_NAMES, *map(str, _MAC_PATHS)])
    return next(filter(None, found), None)


def is_required() -> bool:
    """Whether a missing browser is an error. In CI it is: tests that are left out there are never run."""
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}


def main() -> int:
    if chromium_path() is None or not _driver_runs():
        _install()
    if chromium_path() is None:
        sys.stderr.write(f"{MISSING}\n")
        return 1 if is_required() else 0
    return 0


def _driver_runs() -> bool:
    """Whether the program that steers the browser finds its libraries; a bare Debian has no libatomic."""
    node, _script = compute_driver_executable()
    return subprocess.run([node, "--version"], check=False, capture_output=True).returncode == 0


def _install() -> None:
    apt_get = _apt_get()
    if apt_get is None:
        return
    sys.stdout.write("Installing Chromium for the browser tests …\n")
    sys.stdout.flush()
    install = [*apt_get, "install", "--yes", "-qq", "--no-install-recommends", "chromium", "libatomic1"]
    for command in ([*apt_get, "update", "-qq"], install):
        # Standard output tells of each package unpacked; what goes wrong is on standard error.
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL, timeout=_INSTALL_TIMEOUT_S)


def _apt_get() -> Sequence[str] | None:
    """How to call apt-get with the rights to install, if there is a way that asks for no password."""
    if platform.system() != "Linux" or shutil.which("apt-get") is None:
        return None
    apt_get = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    if os.getuid() == 0:
        return apt_get
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], check=False, capture_output=True).returncode == 0
    ):
        return ["sudo", "-n", *apt_get]
    return None


if __name__ == "__main__":
    sys.exit(main())
