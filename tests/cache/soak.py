"""The processes of the soak: readers and writers of a few wallets, who tell one another in shared memory what was said.

A writer notes the version that a wallet has reached as soon as its call has returned, which is when a person would be
told "done". A reader looks at the notes, then reads, and must not be shown an older version.
"""

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import RawArray, RawValue
from typing import Any, NoReturn

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, connections
from django_redis import get_redis_connection

from kit.cache import lua
from kit.cache import protocol as cache
from kit.cache.link import RedisAwayError
from tests.settlement.locks import backends
from tests.settlement.waiting import wait_until
from transactions.models import Entry
from transactions.recipients import TransferRequest
from transactions.services import deposit_create, transfer_create, transfers_submit
from transactions.settlement.partitions import partition_of
from transactions.settlement.settle import partition_settle
from wallets.cache_names import wallet_name
from wallets.domain.errors import WalletError
from wallets.models import Wallet

APPLICATION = "soak"
#: How long a fence stands and a new Redis is not relied on, and how long a transaction may take.
FENCE_S, TRANSACTION_TIMEOUT_MS = 1.0, 300
_FORK = multiprocessing.get_context("fork")


class Soak:
    """Wallets, who reads and writes them, and what came of it."""

    def __init__(self, wallets: list[Wallet], *, readers: int, writers: int) -> None:
        self.wallets = wallets
        self._stop = RawValue("b", 0)
        #: Each process writes only its own part, so that one that is killed leaves no lock behind.
        self._said = [RawArray("q", len(wallets)) for _ in range(writers)]
        self._reads = [RawArray("q", 3) for _ in range(readers)]
        connections.close_all()
        self.readers = [self._start(self._read, number) for number in range(readers)]
        self.writers = [self._start(self._write, number) for number in range(writers)]

    @property
    def reads(self) -> int:
        return sum(counts[0] for counts in self._reads)

    @property
    def hits(self) -> int:
        return sum(counts[1] for counts in self._reads)

    @property
    def stale(self) -> int:
        return sum(counts[2] for counts in self._reads)

    @property
    def said(self) -> int:
        """Writes that were answered, more or less: the versions reached."""
        return sum(self._floor(number) for number in range(len(self.wallets)))

    def kill_a_writer(self) -> None:
        """kill -9, and another one in its place."""
        number = random.randrange(len(self.writers))
        _kill(self.writers[number])
        self.writers[number] = self._start(self._write, number)

    def kill_a_reader(self) -> None:
        number = random.randrange(len(self.readers))
        _kill(self.readers[number])
        self.readers[number] = self._start(self._read, number)

    def end(self) -> None:
        self._stop.value = 1
        for process in (*self.readers, *self.writers):
            process.join(20)
            assert process.exitcode == 0, process
        wait_until(lambda: not backends(application=APPLICATION), what="Postgres has noticed who was killed")

    def _start(self, work: Callable[[int], None], number: int) -> BaseProcess:
        process = _FORK.Process(target=self._live, args=(work, number), daemon=True)
        process.start()
        return process

    def _live(self, work: Callable[[int], None], number: int) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        random.seed(os.getpid())
        settings.CACHE_FENCE_S = FENCE_S
        options = connection.settings_dict["OPTIONS"]
        options["application_name"] = APPLICATION
        options["options"] += f" -c transaction_timeout={TRANSACTION_TIMEOUT_MS}"
        while not self._stop.value:
            work(number)
        connections.close_all()

    def _floor(self, wallet: int) -> int:
        return max(int(said[wallet]) for said in self._said)

    def _read(self, number: int) -> None:
        which = random.randrange(len(self.wallets))
        floor, loads = self._floor(which), 0

        def load() -> bytes:
            nonlocal loads
            loads += 1
            return str(Wallet.objects.values_list("version", flat=True).get(id=self.wallets[which].id)).encode()

        shown = int(cache.cache_read(wallet_name(self.wallets[which].id), load=load) or b"")
        counts = self._reads[number]
        counts[0] += 1
        counts[1] += not loads
        counts[2] += shown < floor

    def _write(self, number: int) -> None:
        """One write, by one of the doors. The first writer has lost its way to Redis, and works slowly."""
        doors = [_deposit, _transfer, _bulk]
        if number == 0:
            cache.redis_ask = _no_way  # type: ignore[attr-defined]
            time.sleep(random.uniform(0.2, 0.6))
            # It settles nobody else's transfers. Whoever finds in Postgres that one of theirs was posted by a worker
            # that is cut off may for a moment see the balance before (ARCHITECTURE.md, "What it does not cover").
            doors.remove(_bulk)
        first, second = random.sample(range(len(self.wallets)), 2)
        try:
            transaction_ids = random.choice(doors)(self.wallets[first], self.wallets[second])
            reached = dict(
                Entry.objects.filter(transaction__in=transaction_ids, sequence__isnull=False)
                .order_by("sequence")
                .values_list("wallet", "sequence")
            )
        except (DatabaseError, InterfaceError, WalletError):
            # Too slow for the short timeouts of this test: nobody was told that it is done.
            connection.close()
            return
        for which in (first, second):
            self._said[number][which] = max(self._said[number][which], reached.get(self.wallets[which].id, 0))


def redis_wipe() -> bytes | None:
    """FLUSHALL; the generation that it ends."""
    client = get_redis_connection()
    generation: bytes | None = client.hget(lua.STATE, "generation")
    client.flushall()
    return generation


def _deposit(first: Wallet, second: Wallet) -> list[int]:
    assert first.owner is not None
    return [deposit_create(actor=first.owner, wallet_id=first.id, amount=5).transaction.id]


def _transfer(first: Wallet, second: Wallet) -> list[int]:
    assert first.owner is not None
    receipt = transfer_create(
        actor=first.owner, request=TransferRequest(source_id=first.id, destination_id=second.id, amount=1)
    )
    return [receipt.transaction.id]


def _bulk(first: Wallet, second: Wallet) -> list[int]:
    """Accepted, and settled by whoever comes first: by this process, or by another one that drains the partition."""
    assert first.owner is not None
    request = TransferRequest(source_id=first.id, destination_id=second.id, amount=1)
    accepted = transfers_submit(actor=first.owner, requests=[request] * 5)
    partition_settle(partition=partition_of(first.id), time_limit_s=5)
    return [receipt.transaction.id for receipt in accepted if not isinstance(receipt, WalletError)]


def _no_way(call: Callable[[Any], Any]) -> NoReturn:
    raise RedisAwayError


def _kill(process: BaseProcess) -> None:
    process.kill()
    process.join(20)
    assert process.exitcode == -signal.SIGKILL, process
