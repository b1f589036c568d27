"""Who watches which wallet. One look at the cache for all watchers together, a few times a second: many of them cost
Redis a little and Postgres, as long as the cache is trusted, nothing; and none holds a thread or a connection."""

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

#: Names that are asked for in one look.
_LOOK_MAX = 500
#: When nothing could be learnt for so long, watchers are told so instead of being shown an old balance as the newest.
_BLIND_S = 5.0


@dataclass(eq=False, slots=True, kw_only=True)
class Watcher:
    """One who watches. `newest` is the wallet as it was seen last, `ended` why there will be no more of it; either of
    them is `news`."""

    wallet_id: int
    user_id: int
    token_digest: str | None
    newest: pb.Wallet
    ended: WalletError | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, view: WalletView) -> None:
        if wallet_differs(self.newest, view):
            self.newest = wallet_message(view, owner=self.newest.owner)
            self.news.set()

    def end(self, error: WalletError) -> None:
        self.ended = error
        self.news.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a look found."""

    views: dict[int, WalletView]
    tokens: set[str]


class Watchers:
    """All watchers of this process. Used from the event loop alone; the looks run in the executor's one thread."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._watchers: set[Watcher] = set()
        self._seen_s = time.monotonic()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._watchers)

    def count_of(self, user_id: int) -> int:
        """How many watches this user has open."""
        return sum(watcher.user_id == user_id for watcher in self._watchers)

    def join(self, *, wallet: pb.Wallet, user_id: int, token_digest: str | None) -> Watcher:
        """Starts to watch a wallet that was read just now, and is sent first.

        A look that is under way may have begun before that reading, and knows nothing of this watcher.
        """
        watcher = Watcher(wallet_id=int(wallet.id), user_id=user_id, token_digest=token_digest, newest=wallet)
        if self._is_closed:
            watcher.end(_going())
        self._watchers.add(watcher)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)

    def close(self) -> None:
        """The server stops: whoever watches is told to call another one."""
        self._is_closed = True
        for watcher in self._watchers:
            watcher.end(_going())

    async def run(self) -> None:
        """Looks for news until it is cancelled."""
        while True:
            await asyncio.sleep(settings.GRPC_WATCH_INTERVAL_MS / 1_000)
            if self._watchers:
                await self._look()
            else:
                self._seen_s = time.monotonic()

    async def _look(self) -> None:
        watchers = [watcher for watcher in self._watchers if not watcher.ended]
        wallet_ids = {watcher.wallet_id for watcher in watchers}
        digests = {watcher.token_digest for watcher in watchers if watcher.token_digest}
        loop = asyncio.get_running_loop()
        try:
            seen = await loop.run_in_executor(self._executor, look, wallet_ids, digests)
            for watcher in watchers:
                self._tell(watcher, seen)
        except Exception:
            # Whatever it is, the next look may find it gone; without one they would all wait for nothing.
            logger.warning("Watched wallets could not be read.", exc_info=True)
            self._end_blind(watchers)
            return
        self._seen_s = time.monotonic()

    def _tell(self, watcher: Watcher, seen: Seen) -> None:
        if watcher.token_digest and watcher.token_digest not in seen.tokens:
            watcher.end(WalletError(ErrorCode.NOT_AUTHENTICATED, "This token is invalid, expired or revoked."))
            return
        view = seen.views.get(watcher.wallet_id)
        if view is not None:
            watcher.tell(view)

    def _end_blind(self, watchers: Collection[Watcher]) -> None:
        if time.monotonic() - self._seen_s < _BLIND_S:
            return
        for watcher in watchers:
            watcher.end(WalletError(ErrorCode.UNAVAILABLE))


def look(wallet_ids: Collection[int], digests: Collection[str]) -> Seen:
    """The wallets as they are now, and the tokens that still open something."""
    close_old_connections()
    try:
        views: dict[int, WalletView] = {}
        for some in _chunks(wallet_ids):
            views |= wallet_views_find(wallet_ids=some)
        tokens: set[str] = set()
        for some_digests in _chunks(digests):
            tokens |= tokens_alive(digests=some_digests)
        return Seen(views=views, tokens=tokens)
    finally:
        close_old_connections()


def _chunks(values: Collection[T]) -> Iterator[list[T]]:
    iterator = iter(values)
    while chunk := list(islice(iterator, _LOOK_MAX)):
        yield chunk


def _going() -> WalletError:
    return WalletError(ErrorCode.UNAVAILABLE, "The server is shutting down. Retry the call.", retry_after_s=1)
