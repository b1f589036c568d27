"""The watchers of wallets. A few times a second, one read of the cache serves all watchers together.

So watchers cost Redis little, and Postgres nothing as long as the cache is trusted. None holds a thread or a
connection.
"""

import asyncio
import logging
import time
from collections.abc import Collection, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from django.conf import settings
from django.db import close_old_connections

from transactions.rpc.messages import wallet_differs, wallet_message
from wallet_proto.v1 import wallet_pb2 as pb
from wallets.auth.access import tokens_alive
from wallets.domain.errors import ErrorCode, WalletError
from wallets.selectors import WalletView, wallet_views_find

logger = logging.getLogger(__name__)
T = TypeVar("T")

#: How many wallets or tokens one query asks for.
CHUNK_SIZE = 500
#: If reads fail for this long, the calls of WatchWallet end with UNAVAILABLE, so that no client takes an old balance
#: for the newest.
BLIND_S = 5.0


@dataclass(eq=False, slots=True, kw_only=True)
class Watcher:
    """A client of WatchWallet. `newest` is the last known state of the wallet, `ended` the reason why the call ends.
    A change of either sets `news`."""

    wallet_id: int
    user_id: int
    token_digest: str | None
    newest: pb.Wallet
    ended: WalletError | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def update(self, view: WalletView) -> None:
        if wallet_differs(self.newest, view):
            self.newest = wallet_message(view, owner=self.newest.owner)
            self.news.set()

    def end(self, error: WalletError) -> None:
        self.ended = error
        self.news.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The result of one read: the wallets found, by id, and the digests of the tokens that are still valid."""

    views: dict[int, WalletView]
    tokens: set[str]


class Watchers:
    """All watchers of this process. Not thread-safe: only the event loop uses it. The reads run in the executor's one
    thread."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._watchers: set[Watcher] = set()
        self._seen_s = time.monotonic()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._watchers)

    def count_of(self, user_id: int) -> int:
        """How many calls of WatchWallet this user has open."""
        return sum(watcher.user_id == user_id for watcher in self._watchers)

    def join(self, *, wallet: pb.Wallet, user_id: int, token_digest: str | None) -> Watcher:
        """Adds a watcher of a wallet that was read just now; that state is sent to the client first.

        A read in progress may have begun before that state was read. It ignores this watcher.
        """
        watcher = Watcher(wallet_id=int(wallet.id), user_id=user_id, token_digest=token_digest, newest=wallet)
        if self._is_closed:
            watcher.end(_shutting_down())
        self._watchers.add(watcher)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)

    def close(self) -> None:
        """Ends all watchers with UNAVAILABLE, because the server stops. Their clients then call another server."""
        self._is_closed = True
        for watcher in self._watchers:
            watcher.end(_shutting_down())

    async def run(self) -> None:
        """Reads the watched wallets at intervals until it is cancelled."""
        while True:
            await asyncio.sleep(settings.GRPC_WATCH_INTERVAL_MS / 1_000)
            if self._watchers:
                await self._read()
            else:
                self._seen_s = time.monotonic()

    async def _read(self) -> None:
        watchers = [watcher for watcher in self._watchers if not watcher.ended]
        wallet_ids = {watcher.wallet_id for watcher in watchers}
        digests = {watcher.token_digest for watcher in watchers if watcher.token_digest}
        loop = asyncio.get_running_loop()
        try:
            seen = await loop.run_in_executor(self._executor, watched_read, wallet_ids, digests)
            for watcher in watchers:
                self._update(watcher, seen)
        except Exception:
            # Catch everything: the next read may succeed, and if this loop ended, no watcher would get news again.
            logger.warning("Watched wallets could not be read.", exc_info=True)
            self._end_blind(watchers)
            return
        self._seen_s = time.monotonic()

    def _update(self, watcher: Watcher, seen: Seen) -> None:
        if watcher.token_digest and watcher.token_digest not in seen.tokens:
            watcher.end(WalletError(ErrorCode.NOT_AUTHENTICATED, "This token is invalid, expired or revoked."))
            return
        view = seen.views.get(watcher.wallet_id)
        if view is not None:
            watcher.update(view)

    def _end_blind(self, watchers: Collection[Watcher]) -> None:
        if time.monotonic() - self._seen_s < BLIND_S:
            return
        for watcher in watchers:
            watcher.end(WalletError(ErrorCode.UNAVAILABLE))


def watched_read(wallet_ids: Collection[int], digests: Collection[str]) -> Seen:
    """Reads these wallets, and which of these tokens are still valid."""
    close_old_connections()
    try:
        views: dict[int, WalletView] = {}
        for chunk in _chunks(wallet_ids):
            views |= wallet_views_find(wallet_ids=chunk)
        tokens: set[str] = set()
        for digest_chunk in _chunks(digests):
            tokens |= tokens_alive(digests=digest_chunk)
        return Seen(views=views, tokens=tokens)
    finally:
        close_old_connections()


def _chunks(values: Collection[T]) -> Iterator[list[T]]:
    iterator = iter(values)
    while chunk := list(islice(iterator, CHUNK_SIZE)):
        yield chunk


def _shutting_down() -> WalletError:
    return WalletError(ErrorCode.UNAVAILABLE, "The server is shutting down. Retry the call.", retry_after_s=1)
