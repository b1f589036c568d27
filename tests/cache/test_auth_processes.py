"""Access that one process ends is refused in all processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import IO

import pytest
from django.db import transaction

from tests.cache.readers import with_token
from tests.concurrency.processes import database_url
from wallets.models import User
from wallets.services import user_fence
from wallets.tokens.services import tokens_revoke_all

pytestmark = pytest.mark.usefixtures("trusted_cache")


class Visitor:
    """The other process. `reads` returns the status of its answer and the number of queries it took."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def reads(self, token: str | None) -> tuple[int, int]:
        _pipe(self._process.stdin).write(f"{token}\n")
        _pipe(self._process.stdin).flush()
        status, queries = map(int, _pipe(self._process.stdout).readline().split())
        return status, queries


@pytest.fixture
def visitor() -> Iterator[Visitor]:
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "CACHE_TRUST_MS": "60000",
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "LOG_LEVEL": "WARNING",
    }
    command = [sys.executable, "-m", "tests.cache.visitor"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        try:
            assert _pipe(process.stdout).readline() == "ready\n"
            yield Visitor(process)
        finally:
            process.kill()


def test_a_revoked_token_and_a_deactivated_user_are_refused_in_another_process_too(
    alice: User, bob: User, visitor: Visitor
) -> None:
    alices, bobs = with_token(alice).api.token, with_token(bob).api.token
    for token in (alices, bobs):
        assert visitor.reads(token)[0] == 200
        assert visitor.reads(token) == (200, 0)

    tokens_revoke_all(user=alice)
    with transaction.atomic():
        User.objects.filter(pk=bob.pk).update(is_active=False)
        user_fence(user_id=bob.pk)

    assert visitor.reads(alices)[0] == 401
    assert visitor.reads(bobs)[0] == 401


def _pipe(end: IO[str] | None) -> IO[str]:
    assert end is not None
    return end
