"""A call as it arrived, before anything is known about its caller."""

import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """`method` is its full name, such as `wallet.v1.WalletService/Deposit`. `deadline_s` and `at_s` are values of
    time.monotonic(); `at_ms` is the same moment in Unix time. `network` is the client's network. `repeated` is a key of
    the metadata that may occur once and did not, if there is one."""

    method: str
    body: bytes
    authorization: str
    request_id: str
    network: str
    deadline_s: float | None
    repeated: str = ""
    at_s: float = field(default_factory=time.monotonic)
    at_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
