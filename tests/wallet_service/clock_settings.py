"""The tests' settings, for a web process whose assertions are CLOCK_AHEAD_S seconds ahead of everybody else's clock."""

import os

from tests.settings import *  # noqa: F403
from tests.wallet_service.clock import clock_shift

clock_shift(float(os.environ["CLOCK_AHEAD_S"]))
