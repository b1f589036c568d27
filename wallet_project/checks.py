"""Checks of `manage.py check` beside Django's own: settings that would make cached reads stale or leave gRPC without
TLS and, with `--deploy`, settings that would give strangers access to the site."""

from django.conf import settings
from django.core import checks
from django.db import OperationalError

from wallet_project.rights import role_powers

#: How published keys begin: those in settings, in docker-compose.yml and in Django's examples.
_PUBLISHED_KEYS = ("insecure-", "for-development-only", "django-insecure-")
#: The commit itself takes a moment, and clocks run at slightly different rates.
_FENCE_MARGIN = 1.25
_THIS_MACHINE = {"localhost", "127.0.0.1", "[::1]"}


@checks.register(checks.Tags.security, deploy=True)
def check_debug(**_: object) -> list[checks.CheckMessage]:
    """DEBUG shows settings and local variables to anybody who causes an error."""
    if not settings.DEBUG:
        return []
    return [checks.Error("DEBUG is on.", hint="Set DEBUG=0.", id="wallet.E001")]


@checks.register(checks.Tags.security, deploy=True)
def check_secret_key(**_: object) -> list[checks.CheckMessage]:
    """Anybody who knows or guesses the key can sign in as any user."""
    hint = f"Set SECRET_KEY to {settings.SECRET_KEY_LENGTH_MIN} or more random characters and keep it secret."
    if settings.SECRET_KEY.startswith(_PUBLISHED_KEYS):
        return [checks.Error("SECRET_KEY is publicly known.", hint=hint, id="wallet.E002")]
    if len(settings.SECRET_KEY) < settings.SECRET_KEY_LENGTH_MIN:
        return [checks.Error("SECRET_KEY is so short that it can be guessed.", hint=hint, id="wallet.E003")]
    return []


@checks.register(checks.Tags.security, deploy=True)
def check_wallet_service_key(**_: object) -> list[checks.CheckMessage]:
    """Anybody who knows the key can move any user's money. (The settings refuse short keys.)"""
    if not settings.WALLET_SERVICE_KEY.startswith(_PUBLISHED_KEYS):
        return []
    hint = "Set WALLET_SERVICE_KEY to random characters, the same for the wallet service and its web processes."
    return [checks.Error("WALLET_SERVICE_KEY is publicly known.", hint=hint, id="wallet.E007")]


@checks.register(checks.Tags.security, deploy=True)
def check_allowed_hosts(**_: object) -> list[checks.CheckMessage]:
    """Links in emails contain the host that the request named. If any host is allowed, a stranger chooses it."""
    if "*" in settings.ALLOWED_HOSTS:
        hint = "List the site's hosts: ALLOWED_HOSTS=wallet.example"
        return [checks.Error("ALLOWED_HOSTS allows every host.", hint=hint, id="wallet.E004")]
    if not set(settings.ALLOWED_HOSTS) - _THIS_MACHINE:
        hint = "List the site's hosts: ALLOWED_HOSTS=wallet.example"
        return [checks.Error("ALLOWED_HOSTS lists no host except this machine.", hint=hint, id="wallet.E005")]
    return []


@checks.register()
def check_cache_fence(**_: object) -> list[checks.CheckMessage]:
    """If a fence expired before its commit, a value cached in between would be stale."""
    timeout_s, trust_s = settings.DATABASE_TRANSACTION_TIMEOUT_MS / 1_000, settings.CACHE_TRUST_MS / 1_000
    if 0 < timeout_s * _FENCE_MARGIN <= settings.CACHE_FENCE_S and trust_s < settings.CACHE_FENCE_S:
        return []
    hint = (
        "CACHE_FENCE_S must exceed DATABASE_TRANSACTION_TIMEOUT_MS by a quarter, and CACHE_TRUST_MS. "
        "DATABASE_TRANSACTION_TIMEOUT_MS must not be 0."
    )
    return [checks.Error("CACHE_FENCE_S is too short.", hint=hint, id="wallet.E006")]


@checks.register()
def check_grpc_tls(**_: object) -> list[checks.CheckMessage]:
    """With only one of the two, the server would send tokens in plain text or not start."""
    if bool(settings.GRPC_TLS_CERT) == bool(settings.GRPC_TLS_KEY):
        return []
    hint = "Set both to file names, or neither."
    return [checks.Error("One of GRPC_TLS_CERT and GRPC_TLS_KEY is missing.", hint=hint, id="wallet.E008")]


@checks.register(checks.Tags.security, deploy=True)
def check_database_role(**_: object) -> list[checks.CheckMessage]:
    """Whoever makes the site run SQL could switch the guards off, if the site's role can."""
    hint = "Create the roles with deploy/roles.sql, and let DATABASE_URL name wallet_app; docs/deployment.md says how."
    try:
        powers = role_powers()
    except OperationalError as error:
        return [checks.Warning(f"The rights of the database role are not known: {error}", id="wallet.W021")]
    return [checks.Error(f"The role of DATABASE_URL {words}.", hint=hint, id="wallet.E020") for words in powers]
