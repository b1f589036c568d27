"""The names of cached objects. A reader and all writers of an object must use the same name."""


def wallet_name(wallet_id: int) -> str:
    """A wallet view: owner, currency, status, balance, version."""
    return f"wallet:{wallet_id}"


def wallets_name(owner_id: int) -> str:
    """The ids of a user's wallets."""
    return f"wallets-of:{owner_id}"


def user_name(user_id: int) -> str:
    """A user: whether it may sign in, and its session hash."""
    return f"user:{user_id}"


def token_name(digest: str) -> str:
    """An API token, by its stored hash."""
    return f"token:{digest}"


def session_name(key_hash: str) -> str:
    """A browser's session, by a hash of its key."""
    return f"session:{key_hash}"
