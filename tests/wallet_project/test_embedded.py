"""The parts of `make run`: where its servers are found, who owns their folders, the lock, and leftovers."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

import environ
import psycopg
import pytest
import redis
from kombu import Connection

from devtools.folder_lock import FolderTakenError, folder_locked
from devtools.leftovers import leftovers_stop
from devtools.servers import RUN_DIR_VARIABLE, ServerError, directories_make
from wallet_project.embedded import BASE_DIR, Places, celery_url

ODD = Places(Path("/srv/My Projects/100% wallet/.run"))


def test_every_client_finds_the_servers_in_a_folder_with_an_unusual_name() -> None:
    sockets = "/srv/My Projects/100% wallet/.run/sockets"
    assert psycopg.conninfo.conninfo_to_dict(ODD.database_url())["host"] == sockets
    assert unquote(environ.Env().db_url_config(ODD.database_url())["HOST"]) == sockets
    assert redis.ConnectionPool.from_url(ODD.redis_url()).connection_kwargs["path"] == f"{sockets}/valkey.sock"
    channel = Connection(celery_url(ODD.redis_url()))
    assert channel.as_uri() == f"redis+socket://{sockets}/valkey.sock"


def test_celery_gets_other_urls_unchanged() -> None:
    assert celery_url("redis://redis.example:6379/3") == "redis://redis.example:6379/3"


def test_a_path_too_long_for_a_socket_gets_a_short_folder_elsewhere() -> None:
    deep, deeper = Places(Path("/srv/" + "deep/" * 20 + ".run")), Places(Path("/srv/" + "deep/" * 21 + ".run"))
    assert len(str(deep.sockets / ".s.PGSQL.5432.lock")) < 104
    assert deep.sockets != deeper.sockets
    assert deep.sockets == Places(deep.root).sockets
    assert ODD.sockets.parent == ODD.root


def test_other_users_cannot_enter_its_folders(tmp_path: Path) -> None:
    places = Places(tmp_path / ".run")
    directories_make(places)
    assert places.sockets.stat().st_mode & 0o777 == 0o700
    assert places.valkey.stat().st_mode & 0o777 == 0o700


def test_it_refuses_a_sockets_folder_that_is_a_symbolic_link(tmp_path: Path) -> None:
    places = Places(tmp_path / ".run")
    places.root.mkdir()
    (tmp_path / "elsewhere").mkdir()
    places.sockets.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ServerError, match="belongs to another user"):
        directories_make(places)


def test_others_find_a_folder_locked_until_its_holder_dies(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    holding = (
        "import pathlib, sys; from devtools.folder_lock import folder_locked\n"
        f"with folder_locked(pathlib.Path({str(lock)!r}), note='me'): print('locked', flush=True); sys.stdin.read()"
    )
    with _child(holding) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        with pytest.raises(FolderTakenError, match="me"), folder_locked(lock):
            pass
        holder.kill()
        holder.wait()
        with folder_locked(lock):
            assert lock.read_text() == ""


def test_it_stops_only_processes_that_were_started_for_the_folder(tmp_path: Path) -> None:
    waiting = "import sys; print('up', flush=True); sys.stdin.read()"
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    with _child(waiting, run_dir=ours) as leftover, _child(waiting, run_dir=theirs) as stranger:
        for child in (leftover, stranger):
            assert child.stdout is not None
            assert child.stdout.readline() == b"up\n"
        assert leftovers_stop(ours) == 1
        assert leftover.poll() is not None
        assert stranger.poll() is None


@contextmanager
def _child(code: str, *, run_dir: Path | None = None) -> Iterator["subprocess.Popen[bytes]"]:
    environment = os.environ | ({RUN_DIR_VARIABLE: str(run_dir)} if run_dir else {})
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=BASE_DIR, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        yield child
