"""Which partition a source wallet belongs to."""

from zlib import crc32

#: How many settlers can work side by side on partitions. A job keeps the partition that it was given, so change this
#: only while no job is waiting: otherwise two settlers would share a wallet and wait for each other.
PARTITIONS = 16


def partition_of(source_id: int) -> int:
    """The partition of a source wallet, 0 to PARTITIONS - 1. A checksum, because the low bits of ids are mostly 0."""
    return crc32(str(source_id).encode()) % PARTITIONS
