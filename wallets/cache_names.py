"""What cached objects are called. A reader and every writer of an object must mean the same name."""


def wallet_name(wallet_id: int) -> str:
    """A wallet's head: owner, currency, status, balance, version."""
    return f"wallet:{wallet_id}"


def wallets_name(owner_id: int) -> str:
    """Which wallets somebody has."""
    return f"wallets-of:{owner_id}"


def user_name(user_id: int) -> str:
    """An account: whether it may come in, and how it signs in."""
    return f"user:{user_id}"


def token_name(digest: str) -> str:
    """An API token, by the hash that is stored of it."""
    return f"token:{digest}"


def session_name(key_hash: str) -> str:
    """A browser's session, by a hash of its key."""
    return f"session:{key_hash}"
