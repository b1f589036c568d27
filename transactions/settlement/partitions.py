"""Assigns source wallets to partitions."""

from zlib import crc32

#: How many workers can settle partitions at the same time. A job keeps its partition, so change this only while no job
#: waits; otherwise two workers would share a wallet and wait for each other.
PARTITIONS = 16


def partition_of(source_id: int) -> int:
    """The partition of a source wallet, 0 to PARTITIONS - 1. Uses a checksum, because most ids have low bits of 0."""
    return crc32(str(source_id).encode()) % PARTITIONS
