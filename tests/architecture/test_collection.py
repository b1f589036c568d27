"""The processes of pytest-xdist collect the tests separately, and stop if their lists differ."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.timeout(300)
def test_every_process_collects_the_same_tests(request: pytest.FixtureRequest) -> None:
    """A timestamp, a random number or the order of a set in one test name would make two collections differ."""
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
    """The test's id without the group that pytest-xdist appends."""
    group = item.get_closest_marker("xdist_group")
    return item.nodeid.removesuffix(f"@{group.args[0]}") if group else item.nodeid
