"""Connections to Redis are shared, but a reply goes only to the request that asked for it."""

import time

import pytest
from django_redis import get_redis_connection
from pytest_django import Settings
from redis import Redis

from tests.own_redis import OwnRedis, redis_use
from tests.rpc.server import free_port


@pytest.fixture
def tcp_redis(own_redis: OwnRedis, settings: Settings) -> None:
    """Redis over TCP, as in production: redis-py treats its TCP pools and its Unix socket pools differently."""
    port = free_port()
    with Redis.from_url(own_redis.url) as client:
        client.config_set("bind", "127.0.0.1")
        client.config_set("port", port)
    redis_use(f"redis://127.0.0.1:{port}/0", settings)


@pytest.mark.usefixtures("tcp_redis")
def test_a_connection_with_an_unread_reply_is_not_used_again() -> None:
    client = get_redis_connection()
    left_behind = client.connection_pool.get_connection()
    left_behind.send_command("ECHO", "for Alice")
    time.sleep(0.05)
    client.connection_pool.release(left_behind)

    assert client.echo("for Bob") == b"for Bob"
