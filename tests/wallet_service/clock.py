"""A wrong clock, for assertions alone: gRPC computes its deadlines in Python and keeps them by the system's clock."""

import time
from types import SimpleNamespace

from wallets.auth.wallet_service import assertions


def clock_shift(ahead_s: float) -> None:
    """From now on this process makes assertions by a clock that is this far ahead; 0 ends that."""
    ahead_ns = round(ahead_s * 1_000_000_000)
    vars(assertions)["time"] = SimpleNamespace(time_ns=lambda: time.time_ns() + ahead_ns)
