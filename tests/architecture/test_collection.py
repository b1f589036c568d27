"""The processes that share the tests collect each for itself: they stop at once where they do not find the same."""

import os
import subprocess
import sys

import pytest


@pytest.mark.timeout(300)
def test_every_process_finds_the_same_tests_at_any_time(request: pytest.FixtureRequest) -> None:
    """One name with a timestamp, a random number or the order of a set in it is enough to make two runs differ."""
    session = request.session
    here = {_name(item) for item in session.items}
    files = sorted({str(item.path) for item in session.items})
    there = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "--quiet", "--numprocesses=0", *files],
        cwd=session.config.rootpath,
        env=os.environ | {"PYTHONHASHSEED": "4711"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert here <= set(there), here - set(there)


def _name(item: pytest.Item) -> str:
    """Without the group, which pytest-xdist adds."""
    group = item.get_closest_marker("xdist_group")
    return item.nodeid.removesuffix(f"@{group.args[0]}") if group else item.nodeid
