"""What `manage.py check` refuses beside Django's own warnings: what would show old balances; and with `--deploy`, what
would hand the site to a stranger."""

from django.conf import settings
from django.core import checks

#: How the keys begin that stand in settings.py, in docker-compose.yml and in Django's samples.
_PUBLISHED_KEYS = ("insecure-", "for-development-only", "django-insecure-")
#: A commit may take a while itself, and clocks do not run at quite the same rate.
_FENCE_MARGIN = 1.25
_THIS_MACHINE = {"localhost", "127.0.0.1", "[::1]"}


@checks.register(checks.Tags.security, deploy=True)
def check_debug(**_: object) -> list[checks.CheckMessage]:
    """DEBUG shows settings and local variables to whoever finds an error."""
    if not settings.DEBUG:
        return []
    return [checks.Error("DEBUG is on.", hint="Set DEBUG=0.", id="wallet.E001")]


@checks.register(checks.Tags.security, deploy=True)
def check_secret_key(**_: object) -> list[checks.CheckMessage]:
    """Whoever knows or guesses the key can sign in as anybody."""
    hint = f"Set SECRET_KEY to {settings.SECRET_KEY_LENGTH_MIN} or more random characters, and keep them to yourself."
    if settings.SECRET_KEY.startswith(_PUBLISHED_KEYS):
        return [checks.Error("SECRET_KEY is one that everybody knows.", hint=hint, id="wallet.E002")]
    if len(settings.SECRET_KEY) < settings.SECRET_KEY_LENGTH_MIN:
        return [checks.Error("SECRET_KEY is short enough to be guessed.", hint=hint, id="wallet.E003")]
    return []


@checks.register(checks.Tags.security, deploy=True)
def check_wallet_service_key(**_: object) -> list[checks.CheckMessage]:
    """Whoever knows the key can move anybody's money. (Short ones the settings refuse.)"""
    if not settings.WALLET_SERVICE_KEY.startswith(_PUBLISHED_KEYS):
        return []
    hint = "Set WALLET_SERVICE_KEY to random characters of its own, the same for the service and its web processes."
    return [checks.Error("WALLET_SERVICE_KEY is one that everybody knows.", hint=hint, id="wallet.E007")]


@checks.register(checks.Tags.security, deploy=True)
def check_allowed_hosts(**_: object) -> list[checks.CheckMessage]:
    """Links in e-mails carry the host that the request named: any host, and a stranger chooses where they lead."""
    if "*" in settings.ALLOWED_HOSTS:
        hint = "Name the site's hosts: ALLOWED_HOSTS=wallet.example"
        return [checks.Error("ALLOWED_HOSTS lets every host in.", hint=hint, id="wallet.E004")]
    if not set(settings.ALLOWED_HOSTS) - _THIS_MACHINE:
        hint = "Name the site's hosts: ALLOWED_HOSTS=wallet.example"
        return [checks.Error("ALLOWED_HOSTS names no host beside this machine.", hint=hint, id="wallet.E005")]
    return []


@checks.register()
def check_cache_fence(**_: object) -> list[checks.CheckMessage]:
    """A commit that came after its fence had run out would leave what was cached in between."""
    timeout_s, trust_s = settings.DATABASE_TRANSACTION_TIMEOUT_MS / 1_000, settings.CACHE_TRUST_MS / 1_000
    if 0 < timeout_s * _FENCE_MARGIN <= settings.CACHE_FENCE_S and trust_s < settings.CACHE_FENCE_S:
        return []
    hint = "It outlasts DATABASE_TRANSACTION_TIMEOUT_MS, which is not 0, by a quarter; and CACHE_TRUST_MS."
    return [checks.Error("CACHE_FENCE_S is too short.", hint=hint, id="wallet.E006")]


@checks.register()
def check_grpc_tls(**_: object) -> list[checks.CheckMessage]:
    """A certificate without its key would leave tokens to go over the wire in plain text, or nothing to be served."""
    if bool(settings.GRPC_TLS_CERT) == bool(settings.GRPC_TLS_KEY):
        return []
    hint = "Both name files, or neither does."
    return [checks.Error("One of GRPC_TLS_CERT and GRPC_TLS_KEY is missing.", hint=hint, id="wallet.E008")]
