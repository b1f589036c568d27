"""Installs what tests drive and the machine does not have, where that can be done without asking anybody."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence

_TIMEOUT_S = 900


def is_ci() -> bool:
    """Whether what is missing is an error. In CI it is: tests that are left out there are never run."""
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}


def packages_install(*packages: str, what: str) -> None:
    """Installs Debian packages, where this is a Debian and we have the rights."""
    apt_get = _apt_get()
    if apt_get is None:
        return
    sys.stdout.write(f"Installing {what} …\n")
    sys.stdout.flush()
    install = [*apt_get, "install", "--yes", "-qq", "--no-install-recommends", *packages]
    for command in ([*apt_get, "update", "-qq"], install):
        # Standard output tells of each package unpacked; what goes wrong is on standard error.
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL, timeout=_TIMEOUT_S)


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
