"""The real hasher with ten times its work."""

from wallets.auth.hashers import Argon2Hasher


class SlowHasher(Argon2Hasher):
    """About half a second per hash."""

    time_cost = 10
