"""Which partition a wallet's transfers go through."""

from zlib import crc32

#: How many drainers can work side by side at the most. A job keeps the partition it was given, so this is changed only
#: while the queue is empty: in another partition than its earlier ones, a wallet's new jobs could overtake them.
PARTITIONS = 16


def partition_of(source_id: int) -> int:
    """The partition of a source wallet, 0 to PARTITIONS - 1. A checksum, because the low bits of ids are mostly 0."""
    return crc32(str(source_id).encode()) % PARTITIONS
