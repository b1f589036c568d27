"""A test world in which any interleaving of readers and writers can be played, one step at a time.

The actors are threads that run the real `kit.cache.protocol` on the real Postgres and Valkey. Each pauses before every
step of the protocol until the test lets it go on, kills it, or cuts it off from Redis. Only the time is simulated:
Redis's clock and run id are read from two keys, and a sleep lasts until the world's clock has moved.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest
from django.conf import settings
from django.db import connection, transaction
from django_redis import get_redis_connection

from kit.cache import lua, outage, steps, unevicted
from kit.cache import protocol as cache
from kit.cache.link import RedisAwayError
from kit.models import Unevicted
from kit.redis.identity import redis_key
from tests.cache.actor import IN_TRANSACTION, Actor
from wallets.models import User

T = TypeVar("T")

NAME = "wallet:1"
LOOK_AT = steps.names_look
WRITE_SQL = "UPDATE wallets_user SET last_name = last_name::int + 1 WHERE id = %s"
MACHINE = """
local function clock_ms() return tonumber(redis.call('GET', 'world:clock_ms')) end
local function run_id() return redis.call('GET', 'world:run_id') end
"""
#: Lets a script look up names without changing anything.
ONLY_LOOKING = """
local call, pcall, changes = redis.call, redis.pcall, {SET = true, HSET = true, HDEL = true, DEL = true}
local function only_look(command, ...) if changes[command] then return 0 end return call(command, ...) end
local redis = {call = only_look, pcall = pcall}
"""
#: The steps before which an actor can pause, by the function that it is about to call.
STEPS = {
    "look": (steps, "names_look"),
    "fill": (steps, "entry_fill"),
    "fence": (steps, "names_fence"),
    "lift": (steps, "names_lift"),
    "evict": (steps, "names_evict"),
    "renew": (steps, "trust_renew"),
    "ask": (unevicted, "names_noted"),
    "note": (unevicted, "names_note"),
}


class StaleReadError(AssertionError):
    """A read that began after a write was acknowledged returned the older state."""


class World:
    """One cached object. Its truth is a number in a row of Postgres, which each write increases."""

    def __init__(self, user: User) -> None:
        self.user_id = user.pk
        self.local = threading.local()
        self.client: Any = get_redis_connection()
        self.readers = [Actor(self) for _ in range(3)]
        self.writers = [Actor(self) for _ in range(2)]
        self.now_ms = 0

    def reset(self) -> None:
        """Goes back to the initial state, with a trusted and empty cache."""
        for actor in (*self.readers, *self.writers):
            if actor.is_busy:
                actor.die()
        self.now_ms, self.run_id, self.answered, self.snapshot = 1_000_000_000, 1, 0, dict[bytes, bytes]()
        self.hits = self.servable = 0
        User.objects.filter(pk=self.user_id).update(last_name="0")
        Unevicted.objects.all().delete()
        outage._seen_s.clear()
        self.wipe()
        cache.cache_trust_assert()
        self.read()
        self.entry_lose()

    def close(self) -> None:
        for actor in (*self.readers, *self.writers):
            actor.stop()

    # What the actors do

    def reader(self) -> Actor:
        """Begins a read. When it is done it has checked that it got nothing older than was acknowledged before."""
        return self._free(self.readers).begin(lambda: self._read(self.answered))

    def writer(self, *, cut_off: bool = False, rolls_back: bool = False) -> Actor:
        """Begins a write, which adds 1. When it is done it has been acknowledged."""
        return self._free(self.writers).begin(lambda: self._write(rolls_back), cut_off=cut_off)

    def replayer(self) -> Actor:
        """Begins a replay: a client without an answer repeats the write, and gets the stored state."""
        return self._free(self.writers).begin(self._replay)

    def read(self) -> int:
        """Runs a complete read."""
        shown: int = self.reader().run().result
        return shown

    def write(self) -> None:
        self.writer().run()

    def check(self) -> None:
        """Checks that a reader who began now would get nothing stale from the cache."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lua.Script, "machine", ONLY_LOOKING + MACHINE)
            hit = LOOK_AT(self.client, [NAME]).hits.get(NAME)
        if hit is not None and int(hit) < self.answered:
            raise StaleReadError(f"{hit!r} is cached after {self.answered} had been answered.")
        self.servable += hit is not None

    def truth(self) -> int:
        return int(User.objects.values_list("last_name", flat=True).get(pk=self.user_id))

    # What happens to them

    def pass_ms(self, duration_ms: int) -> None:
        """Lets time pass. Postgres ends transactions that have lasted too long, and leases in Redis expire."""
        self.now_ms += duration_ms
        self._machine_set()
        for writer in self.writers:
            overdue = self.now_ms - writer.began_ms >= settings.DATABASE_TRANSACTION_TIMEOUT_MS
            if overdue and writer.at in IN_TRANSACTION:
                writer.die()
        entry = self.client.get(steps.entry_key(NAME))
        if duration_ms >= steps.LEASE_MS and isinstance(entry, bytes) and entry.startswith(b"L"):
            self.client.delete(steps.entry_key(NAME))

    def wipe(self) -> None:
        """Like FLUSHALL."""
        self.client.flushdb()
        self._machine_set()

    def snapshot_take(self) -> None:
        self.snapshot = {
            key: self.client.dump(key) or b"" for key in self.client.scan_iter(match=redis_key("cache:*"), count=1_000)
        }

    def restart(self) -> None:
        """The server dies and comes back with its last snapshot."""
        self.run_id += 1
        self.wipe()
        for key, value in self.snapshot.items():
            self.client.restore(key, 0, value)

    def entry_lose(self) -> None:
        """The key expires, or Redis evicts it for lack of memory."""
        self.client.delete(steps.entry_key(NAME))

    def clock_put_back(self) -> None:
        self.pass_ms(-10_000)

    def state_lose(self) -> None:
        self.client.delete(steps.state_key())

    def entry(self) -> bytes | None:
        value = self.client.get(steps.entry_key(NAME))
        return value if isinstance(value, bytes) else None

    # On the actors' threads

    def stand(self, at: str) -> None:
        actor: Actor | None = getattr(self.local, "actor", None)
        if actor is None:
            return
        actor.stand(at)
        if actor.is_cut_off and at in {"look", "fill", "fence", "lift", "evict", "renew"}:
            raise RedisAwayError

    def ask(self, call: Callable[[Any], T]) -> T:
        return call(self.client)

    def monotonic(self) -> float:
        return self.now_ms / 1_000

    def sleep(self, duration_s: float) -> None:
        actor: Actor = self.local.actor
        actor.wakes_at_ms = self.now_ms + int(duration_s * 1_000)
        actor.stand("sleep")

    def _read(self, answered: int) -> int:
        loaded = False

        def load() -> bytes:
            nonlocal loaded
            loaded = True
            self.stand("load")
            return str(self.truth()).encode()

        shown = int(cache.cache_read(NAME, load=load) or b"")
        self.hits += not loaded
        if shown < answered:
            raise StaleReadError(f"{shown} was shown after {answered} had been answered.")
        return shown

    def _write(self, rolls_back: bool) -> None:
        self.stand("write")
        self.local.actor.began_ms = self.now_ms
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(WRITE_SQL, [self.user_id])
            cache.cache_fence([NAME])
            self.stand("commit")
            version = self.truth()
            if rolls_back:
                transaction.set_rollback(True)
        if not rolls_back:
            self.answered = max(self.answered, version)

    def _replay(self) -> None:
        self.stand("write")
        with transaction.atomic():
            version = self.truth()
            cache.cache_replayed([NAME])
        self.answered = max(self.answered, version)

    def _free(self, actors: list[Actor]) -> Actor:
        return next(actor for actor in actors if not actor.is_busy)

    def _machine_set(self) -> None:
        self.client.mset({"world:clock_ms": self.now_ms, "world:run_id": self.run_id})


@contextmanager
def world_made(user: User, patch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world, with `kit.cache.protocol` running in it until this ends."""
    world = World(user)
    patch.setattr(lua.Script, "machine", MACHINE)
    patch.setattr(cache, "redis_ask", world.ask)
    patch.setattr(cache, "time", world)
    patch.setattr(outage, "time", world)
    for step, (module, name) in STEPS.items():
        patch.setattr(module, name, _standing_before(world, step, getattr(module, name)))
    try:
        world.reset()
        yield world
    finally:
        world.close()


def _standing_before(world: World, step: str, call: Callable[..., T]) -> Callable[..., T]:
    def stand_and_call(*arguments: Any, **options: Any) -> T:
        world.stand(step)
        return call(*arguments, **options)

    return stand_and_call
