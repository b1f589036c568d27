"""Processes read and write the same wallets while writers are killed and Redis is wiped. No read is stale."""

import random
import time

import pytest

from tests.cache.soak import Soak, redis_wipe
from tests.people import funded
from transactions.audit import books_audit

SOAK_S = 8.0


@pytest.mark.django_db(transaction=True)
def test_no_stale_read_in_a_soak_of_reads_writes_kills_and_wipes() -> None:
    wallets = [funded(name, 10_000) for name in ("alice", "bob", "charlie")]
    soak = Soak(wallets, readers=3, writers=4)

    started_s = time.monotonic()
    wiped_s, kills = started_s, 0
    wiped: list[bytes | None] = []
    while time.monotonic() - started_s < SOAK_S:
        time.sleep(random.uniform(0.05, 0.3))
        soak.kill_a_writer()
        kills += 1
        if kills % 10 == 0:
            soak.kill_a_reader()
        if time.monotonic() - wiped_s > 2.5:
            wiped.append(redis_wipe())
            wiped_s = time.monotonic()
    soak.end()

    assert soak.stale == 0
    # The test only proves something if the cache was used, also after each wipe.
    assert None not in wiped
    assert len(set(wiped)) == len(wiped) >= 2
    assert soak.hits > 0
    assert soak.said > 0
    assert books_audit().clean
