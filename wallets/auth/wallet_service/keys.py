"""The keys that must be secret: with one of them strangers act as any user or compute their codes."""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

#: How published keys begin: those in settings, in earlier compose files and in Django's examples.
_PUBLISHED = ("insecure-", "for-development-only", "django-insecure-")
#: Fewer different characters are a placeholder and not a random key.
_CHARACTERS_MIN = 10


def key_is_published(key: str) -> bool:
    return key.startswith(_PUBLISHED)


def key_fault(key: str) -> str | None:
    """Why the key is not secret, as the end of a sentence about it; None if nothing is wrong with it."""
    if key_is_published(key):
        return "is publicly known"
    if len(key) < settings.SECRET_KEY_LENGTH_MIN or len(set(key)) < _CHARACTERS_MIN:
        return "is so short or simple that it can be guessed"
    return None


def keys_assert_secret() -> None:
    """Every process that serves or works for users calls this when it starts. Raises ImproperlyConfigured."""
    for name, keys in _keys().items():
        for fault in filter(None, map(key_fault, keys)):
            raise ImproperlyConfigured(
                f"{name} {fault}, so strangers could act as any user. Set it to {settings.SECRET_KEY_LENGTH_MIN} or "
                "more random characters. (`make run` and docker compose make keys themselves.)"
            )


def _keys() -> dict[str, list[str]]:
    return {
        "SECRET_KEY": [settings.SECRET_KEY],
        "SECRET_KEY_FALLBACKS": settings.SECRET_KEY_FALLBACKS,
        "FACTOR_KEYS": settings.FACTOR_KEYS,
        "WALLET_SERVICE_KEY": [settings.WALLET_SERVICE_KEY] if settings.WALLET_SERVICE_KEY else [],
        "WALLET_SERVICE_KEY_FALLBACKS": settings.WALLET_SERVICE_KEY_FALLBACKS,
    }
