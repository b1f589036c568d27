"""How passwords are hashed: argon2id, and never more hashes at the same time than the machine can bear.

All hashing goes through these classes, whoever asks for it: sign-in, sign-up, a changed or a reset password. A hash
keeps a core busy for a twentieth of a second, so a hundred at the same time would delay every other request. Instead a
process computes `PASSWORD_HASHES_AT_ONCE`, lets `PASSWORD_HASHES_WAITING_MAX` more wait, and refuses the rest with
UNAVAILABLE before they cost anything.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher, PBKDF2PasswordHasher

from kit.limits.turnstile import Turnstile, TurnstileFull
from telemetry import metrics
from wallets.domain.errors import ErrorCode, WalletError

#: Longer than the queue ever takes on a healthy machine, and short enough for the threads that wait.
_WAIT_S = 1.0
_RETRY_AFTER_S = 1


class Argon2Hasher(Argon2PasswordHasher):
    """argon2id with OWASP's first set of parameters: 46 MiB and one pass, about 50 ms of one core.

    Each megabyte makes it dearer to guess on graphics cards. More would help little and slow down every sign-in.
    """

    time_cost = 1
    #: KiB.
    memory_cost = 47_104
    #: One lane: the process hashes several passwords at the same time instead.
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with _turn():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with _turn():
            return super().verify(password, encoded)


class Pbkdf2Hasher(PBKDF2PasswordHasher):
    """For hashes of earlier releases. The next sign-in replaces each by argon2id."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        # `verify` and `harden_runtime` end up here or in nothing.
        with _turn():
            return super().encode(password, salt, iterations)


@contextmanager
def _turn() -> Iterator[None]:
    try:
        with _turnstile().pass_through():
            yield
    except TurnstileFull as error:
        metrics.password_hashes_refused.inc()
        detail = "Too many people are logging in at the moment. Try again."
        raise WalletError(ErrorCode.UNAVAILABLE, detail, retry_after_s=_RETRY_AFTER_S) from error


@cache
def _turnstile() -> Turnstile:
    """One for the process."""
    return Turnstile(
        inside_max=settings.PASSWORD_HASHES_AT_ONCE,
        waiting_max=settings.PASSWORD_HASHES_WAITING_MAX,
        wait_s=_WAIT_S,
    )
