"""A hasher that counts, and the hashers of the real settings."""

from django.contrib.auth.hashers import MD5PasswordHasher

from wallet_project.settings.accounts import PASSWORD_HASHERS

REAL_HASHERS = PASSWORD_HASHERS
COUNTING_HASHERS = ["tests.wallets.hashing.CountingHasher"]


class CountingHasher(MD5PasswordHasher):
    """Counts the passwords that are hashed. Verifying one hashes it too."""

    count = 0

    def encode(self, password: str, salt: str) -> str:
        type(self).count += 1
        return super().encode(password, salt)


def hashes_of(call: object) -> int:
    """How many passwords the call hashes."""
    assert callable(call)
    before = CountingHasher.count
    call()
    return CountingHasher.count - before
