"""How much is measured. BENCH_QUICK=1 for a quick look; BENCH_ENTRIES for a smaller long history."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

#: What one entry of the long history takes up on disk, its transaction, indexes and write-ahead log included.
_BYTES_PER_ENTRY = 1_300


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """`transfers` are settled in one round; `entries` are those of the wallet with the long history."""

    wallets: int = 10_000
    rounds: int = 3
    round_s: float = 5.0
    probe_s: float = 2.0
    transfers: int = 30_000
    entries: int = 10_000_000
    page_reads: int = 1_000

    @property
    def disk_bytes(self) -> int:
        return 4_000_000_000 + self.entries * _BYTES_PER_ENTRY


def sizes_chosen(environment: Mapping[str, str] = os.environ) -> Sizes:
    """The sizes that the environment asks for."""
    sizes = Sizes()
    if is_quick(environment):
        sizes = Sizes(rounds=1, round_s=3.0, probe_s=1.0, transfers=10_000, entries=300_000, page_reads=300)
    if "BENCH_ENTRIES" in environment:
        sizes = replace(sizes, entries=int(environment["BENCH_ENTRIES"].replace("_", "")))
    return sizes


def is_quick(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a quick look is all that is asked for."""
    return environment.get("BENCH_QUICK", "") not in {"", "0"}
