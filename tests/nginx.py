"""Finds the nginx that tests put in front of the site; `python -m tests.nginx` installs it where it can."""

import shutil
import sys

from tests.installing import is_ci, packages_install

MISSING = "There is no nginx here, which tests put in front of the site. Install it (Debian: apt-get install nginx)."


def nginx_path() -> str | None:
    return shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")


def main() -> int:
    if nginx_path() is None:
        packages_install("nginx-light", what="nginx for the tests of deploy/nginx")
    if nginx_path() is None:
        sys.stderr.write(f"{MISSING}\n")
        return 1 if is_ci() else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
