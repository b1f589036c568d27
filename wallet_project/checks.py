"""Checks of `manage.py check` beside Django's own: settings that would make cached reads stale or leave gRPC without
TLS and, with `--deploy`, settings that would give strangers access to the site."""

from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.core import checks
from django.db import OperationalError
from django.http.request import validate_host

from kit.http.webhooks import secret_parse
from wallet_project.rights import role_powers
from wallets.auth.wallet_service.keys import key_fault, key_is_published

#: The commit itself takes a moment, and clocks run at slightly different rates.
_FENCE_MARGIN = 1.25
_TLS_WEAKENING = {"ssl_cert_reqs", "ssl_check_hostname"}
_THIS_MACHINE = {"localhost", "127.0.0.1", "[::1]"}
#: Where mails end up without a mail server: in a log, a file, the memory of the worker, or nowhere.
_NO_MAIL_SERVERS = {
    "notifications.console.EmailBackend",
    "django.core.mail.backends.filebased.EmailBackend",
    "django.core.mail.backends.locmem.EmailBackend",
    "django.core.mail.backends.dummy.EmailBackend",
}


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
    keys = {"SECRET_KEY": [settings.SECRET_KEY], "SECRET_KEY_FALLBACKS": settings.SECRET_KEY_FALLBACKS}
    for name, values in keys.items():
        for key in values:
            fault = key_fault(key)
            if fault is not None:
                id_ = "wallet.E002" if key_is_published(key) else "wallet.E003"
                return [checks.Error(f"{name} {fault}.", hint=hint, id=id_)]
    return []


@checks.register(checks.Tags.security, deploy=True)
def check_factor_keys(**_: object) -> list[checks.CheckMessage]:
    """Without a key of their own, whoever has a copy of the database and SECRET_KEY computes everybody's codes."""
    hint = f"Set FACTOR_KEYS to {settings.SECRET_KEY_LENGTH_MIN} or more random characters, other than SECRET_KEY."
    if not settings.FACTOR_KEYS:
        return [checks.Error("FACTOR_KEYS is not set.", hint=hint, id="wallet.E060")]
    fault = next(filter(None, map(key_fault, settings.FACTOR_KEYS)), None)
    if fault is None and settings.FACTOR_KEYS[0] in {settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS}:
        fault = "is also the SECRET_KEY"
    return [checks.Error(f"A key of FACTOR_KEYS {fault}.", hint=hint, id="wallet.E060")] if fault else []


@checks.register(checks.Tags.security, deploy=True)
def check_redis_certificate(**_: object) -> list[checks.CheckMessage]:
    """Without verification, anybody between the site and Redis can be Redis."""
    urls = {"REDIS_URL": settings.REDIS_URL, "CELERY_BROKER_URL": settings.CELERY_BROKER_URL}
    weak = [name for name, url in urls.items() if parse_qs(urlsplit(url).query).keys() & _TLS_WEAKENING]
    hint = "Remove ssl_cert_reqs and ssl_check_hostname from the URL. REDIS_CA names the authority to trust."
    return [checks.Error(f"{name} weakens TLS.", hint=hint, id="wallet.E009") for name in weak]


@checks.register(checks.Tags.security, deploy=True)
def check_wallet_service_key(**_: object) -> list[checks.CheckMessage]:
    """Anybody who knows a key can move any user's money. (The settings refuse short keys.)"""
    keys = filter(None, (settings.WALLET_SERVICE_KEY, *settings.WALLET_SERVICE_KEY_FALLBACKS))
    fault = next(filter(None, map(key_fault, keys)), None)
    if fault is None:
        return []
    hint = "Set WALLET_SERVICE_KEY to random characters, the same for the wallet service and its web processes."
    return [checks.Error(f"A key of the wallet service {fault}.", hint=hint, id="wallet.E007")]


@checks.register(checks.Tags.security, deploy=True)
def check_mail_server(**_: object) -> list[checks.CheckMessage]:
    """Mails contain links that reset passwords. Nobody must find them in a log, a file or on a network."""
    hint = "Set EMAIL_URL to your mail server: smtp+tls://user:password@host:port"
    if settings.MAIL_TRANSPORT in _NO_MAIL_SERVERS:
        return [checks.Error("EMAIL_URL names no mail server.", hint=hint, id="wallet.E020")]
    is_encrypted = settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL
    if settings.MAIL_TRANSPORT == "notifications.smtp.EmailBackend" and not (
        is_encrypted or settings.EMAIL_HOST in _THIS_MACHINE
    ):
        return [checks.Warning("Mails go to another host in plain text.", hint=hint, id="wallet.W020")]
    return []


@checks.register(checks.Tags.security, deploy=True)
def check_site_url(**_: object) -> list[checks.CheckMessage]:
    """Links in mails must reach this site, and nobody on the way may read them."""
    parts = urlsplit(settings.SITE_URL)
    hint = "Set SITE_URL to the address that users type: SITE_URL=https://wallet.example"
    if parts.scheme != "https" or parts.netloc.rpartition(":")[0] in _THIS_MACHINE or parts.netloc in _THIS_MACHINE:
        return [checks.Error("SITE_URL is not an https address that others can reach.", hint=hint, id="wallet.E021")]
    if not validate_host(parts.hostname or "", settings.ALLOWED_HOSTS):
        hint = "Add the host of SITE_URL to ALLOWED_HOSTS."
        return [checks.Error("The site does not answer at SITE_URL.", hint=hint, id="wallet.E023")]
    return []


@checks.register(checks.Tags.security, deploy=True)
def check_sender(**_: object) -> list[checks.CheckMessage]:
    """Most mail servers refuse mails from this machine's own name."""
    if not settings.DEFAULT_FROM_EMAIL.rstrip("> ").endswith("@localhost"):
        return []
    hint = "Set DEFAULT_FROM_EMAIL to an address of your domain: Wallet <no-reply@wallet.example>"
    return [checks.Error("DEFAULT_FROM_EMAIL is an address at localhost.", hint=hint, id="wallet.E022")]


@checks.register(checks.Tags.security, deploy=True)
def check_allowed_hosts(**_: object) -> list[checks.CheckMessage]:
    """A cache in front of the site would store what a request with a made-up host got, and show it to others."""
    if "*" in settings.ALLOWED_HOSTS:
        hint = "List the site's hosts: ALLOWED_HOSTS=wallet.example"
        return [checks.Error("ALLOWED_HOSTS allows every host.", hint=hint, id="wallet.E004")]
    if not set(settings.ALLOWED_HOSTS) - _THIS_MACHINE:
        hint = "List the site's hosts: ALLOWED_HOSTS=wallet.example"
        return [checks.Error("ALLOWED_HOSTS lists no host except this machine.", hint=hint, id="wallet.E005")]
    return []


@checks.register(checks.Tags.security, deploy=True)
def check_funding(**_: object) -> list[checks.CheckMessage]:
    """With demo money, anybody can make themselves rich."""
    if settings.FUNDING != "demo":
        return []
    hint = "Set FUNDING=staff or FUNDING=provider."
    return [checks.Error("FUNDING=demo lets everybody deposit money that nobody paid.", hint=hint, id="wallet.E040")]


@checks.register()
def check_webhook_secrets(**_: object) -> list[checks.CheckMessage]:
    """With an unreadable secret, every webhook of the provider would fail."""
    try:
        for secret in settings.FUNDING_WEBHOOK_SECRETS:
            secret_parse(secret)
    except ValueError as error:
        return [checks.Error("FUNDING_WEBHOOK_SECRETS is invalid.", hint=str(error), id="wallet.E041")]
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
        return [checks.Warning(f"The rights of the database role are not known: {error}", id="wallet.W050")]
    return [checks.Error(f"The role of DATABASE_URL {words}.", hint=hint, id="wallet.E050") for words in powers]
