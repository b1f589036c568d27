"""The other commit: its own worktree and virtual environment under `.run/bench/`, kept for the next comparison.

Nothing in it is imported. `git worktree remove --force .run/bench/<commit>` removes it.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from wallet_project.embedded import BASE_DIR

_FOLDER = BASE_DIR / ".run" / "bench"
_NAME_LENGTH = 12
_INSTALL_TIMEOUT_S = 1_800


class CheckoutError(RuntimeError):
    """The other commit cannot be run; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A folder with the project at one commit, and the Python of its virtual environment."""

    commit: str
    path: Path

    @property
    def python(self) -> str:
        return str(self.path / ".venv" / "bin" / "python")


def checkout_make(revision: str) -> Checkout:
    """Checks the revision out and installs its pinned requirements, unless an earlier run did. Raises CheckoutError."""
    commit = _git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", problem=f"No such commit: {revision}.")
    checkout = Checkout(commit=commit, path=_FOLDER / commit[:_NAME_LENGTH])
    _git("worktree", "prune")
    if f"worktree {checkout.path}" not in _git("worktree", "list", "--porcelain").splitlines():
        shutil.rmtree(checkout.path, ignore_errors=True)
        checkout.path.parent.mkdir(parents=True, exist_ok=True)
        _git("worktree", "add", "--quiet", "--detach", str(checkout.path), commit)
    _unchanged_check(checkout)
    _install(checkout)
    return checkout


def head_describe() -> str:
    """What this checkout is called in the table: its commit, with a plus if files have changed since."""
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return _git("rev-parse", "--short", "HEAD") + ("+" if changed else "")


def _unchanged_check(checkout: Checkout) -> None:
    head = _git("rev-parse", "HEAD", folder=checkout.path)
    changed = _git("status", "--porcelain", "--untracked-files=no", folder=checkout.path)
    if head != checkout.commit or changed:
        raise CheckoutError(f"{checkout.path} is not at {checkout.commit} any more. Remove it: git worktree remove")


def _install(checkout: Checkout) -> None:
    # The same interpreter on both sides. The variables of the make that runs us are not meant for this one.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    environment["PYTHON"] = str(Path(sys.base_prefix) / "bin" / "python3")
    made = subprocess.run(
        ["make", "--no-print-directory", "install"],
        cwd=checkout.path, env=environment, capture_output=True, text=True, check=False, timeout=_INSTALL_TIMEOUT_S,
    )  # fmt: skip
    if made.returncode != 0:
        raise CheckoutError(f"make install failed in {checkout.path}.\n{(made.stdout + made.stderr).strip()[-2_000:]}")


def _git(*arguments: str, folder: Path = BASE_DIR, problem: str = "") -> str:
    ran = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise CheckoutError(problem or f"git {arguments[0]} failed: {ran.stderr.strip()}")
    return ran.stdout.strip()
