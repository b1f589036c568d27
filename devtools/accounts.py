"""Chooses the system account that the embedded Postgres runs as. It matters only to root: Postgres refuses to be
root."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypedDict

ROOT_UID = 0
#: Capabilities that let a process enter a folder that is closed to others, such as /root. The weaker one comes first;
#: containers often grant only the second.
_POWERS = ("dac_read_search", "dac_override")


class Identity(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


class AccountError(RuntimeError):
    """The account that Postgres would run as cannot reach its files."""


@dataclass(frozen=True, slots=True)
class Account:
    """A system account, and how to start a process as it: by a command prefix, or by arguments of Popen."""

    uid: int = field(default_factory=os.getuid)
    gid: int = field(default_factory=os.getgid)
    prefix: tuple[str, ...] = ()
    popen: Identity = field(default_factory=Identity)

    def reaching(self, *paths: Path) -> "Account":
        """This account with the least capabilities that let it reach the paths. AccountError if none do."""
        if os.getuid() != ROOT_UID:
            return self
        candidates = [replace(self, popen=Identity(user=self.uid, group=self.gid, extra_groups=[]))]
        if shutil.which("setpriv") is not None:
            candidates += [replace(self, prefix=_prefix(self, power=power)) for power in _POWERS]
        for candidate in candidates:
            if all(_reaches(candidate, path) for path in paths):
                return candidate
        name = pwd.getpwuid(self.uid).pw_name
        raise AccountError(
            f"Postgres refuses to run as root, and the account {name!r}, which it would run as, cannot enter "
            f"{paths[-1].parent}. Run this as an ordinary user, move the checkout to a folder that everybody can "
            "enter, or set DATABASE_URL."
        )


def account_for(*folders: Path) -> Account:
    """The current account. For root: the owner of the first folder that belongs to another user, or else `nobody`."""
    if os.getuid() != ROOT_UID:
        return Account()
    owner = next(filter(None, map(_owner, folders)), None) or pwd.getpwnam("nobody")
    return Account(uid=owner.pw_uid, gid=owner.pw_gid)


def _owner(folder: Path) -> pwd.struct_passwd | None:
    try:
        owner = pwd.getpwuid(folder.stat().st_uid)
    except (KeyError, FileNotFoundError):  # a container's user may have no name
        return None
    return None if owner.pw_uid == ROOT_UID else owner


def _prefix(account: Account, *, power: str) -> tuple[str, ...]:
    # Without no_setuid_fixup, access(2), which Postgres uses to check its own files, ignores the capability.
    return (
        "setpriv",
        f"--reuid={account.uid}",
        f"--regid={account.gid}",
        "--clear-groups",
        "--no-new-privs",
        "--securebits=+no_setuid_fixup",
        f"--inh-caps=-all,+{power}",
        f"--ambient-caps=-all,+{power}",
        f"--bounding-set=-all,+{power}",
    )


def _reaches(account: Account, path: Path) -> bool:
    command = [*account.prefix, "test", "-x", str(path)]
    return subprocess.run(command, check=False, capture_output=True, **account.popen).returncode == 0  # noqa: S603
