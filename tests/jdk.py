"""What the Kafka tests need of the machine; `python -m tests.jdk` installs it where it can, and fetches the broker."""

import os
import sys

from devtools.broker import broker_fetch, broker_possible
from devtools.servers import ServerError
from tests.installing import is_ci, packages_install


def is_required() -> bool:
    """Whether a missing broker is an error. In CI it is: tests that are left out there are never run."""
    return is_ci() or os.environ.get("WALLET_KAFKA") == "required"


def main() -> int:
    if not broker_possible():
        packages_install("default-jdk-headless", "maven", what="a JDK and Maven for the Kafka tests")
    try:
        broker_fetch()
    except ServerError as error:
        sys.stderr.write(f"{error}\n")
        return 1 if is_required() else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
