"""The processes of the soak test: readers and writers of a few wallets, which share in memory what was acknowledged.

When its call has returned, which is when a user would be told "done", a writer notes the version that the wallet has
reached. A reader looks at the notes first and then reads. It must not get an older version.
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

from kit.cache import protocol as cache
from kit.cache import steps
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
#: How long a fence stands and the quarantine of a new Redis lasts, and how long a database transaction may take.
FENCE_S, TRANSACTION_TIMEOUT_MS = 1.0, 300
_FORK = multiprocessing.get_context("fork")


class Soak:
    """The wallets, the processes that read and write them, and the counts of what they saw."""

    def __init__(self, wallets: list[Wallet], *, readers: int, writers: int) -> None:
        self.wallets = wallets
        self._stop = RawValue("b", 0)
        #: Each process writes only its own part, so that a killed process leaves no lock behind.
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
        """The sum of the versions that were acknowledged, roughly the number of answered writes."""
        return sum(self._floor(number) for number in range(len(self.wallets)))

    def kill_a_writer(self) -> None:
        """Kills a writer with kill -9 and starts another one in its place."""
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
        """Makes one write through a random entry point. The first writer is slow and cut off from Redis."""
        entry_points = [_deposit, _transfer, _bulk]
        if number == 0:
            cache.redis_ask = _no_way  # type: ignore[attr-defined]
            time.sleep(random.uniform(0.2, 0.6))
            # It settles no transfers of others. A client that sees in Postgres that a cut-off worker has posted may for
            # a moment still read the old balance (docs/design/freshness.md, "What it does not cover").
            entry_points.remove(_bulk)
        first, second = random.sample(range(len(self.wallets)), 2)
        try:
            transaction_ids = random.choice(entry_points)(self.wallets[first], self.wallets[second])
            reached = dict(
                Entry.objects.filter(transaction__in=transaction_ids, sequence__isnull=False)
                .order_by("sequence")
                .values_list("wallet", "sequence")
            )
        except (DatabaseError, InterfaceError, WalletError):
            # Too slow for this test's short timeouts. The write was not acknowledged.
            connection.close()
            return
        for which in (first, second):
            self._said[number][which] = max(self._said[number][which], reached.get(self.wallets[which].id, 0))


def redis_wipe() -> bytes | None:
    """Runs FLUSHALL. Returns the generation that it ends."""
    client = get_redis_connection()
    generation: bytes | None = client.hget(steps.state_key(), "generation")
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
    """Accepts five transfers, and settles them unless another process is faster."""
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
