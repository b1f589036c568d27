"""Settings of a site that hashes as in production, but ten times as slowly, so that a delay is unmistakable."""

from tests.settings import *  # noqa: F403

PASSWORD_HASHERS = [
    "tests.throttling.slow_hasher.SlowHasher",
    "django.contrib.auth.hashers.MD5PasswordHasher",
]
