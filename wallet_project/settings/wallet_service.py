"""The wallet as a separate service: web processes without books of their own, which call a `manage.py serve_grpc`."""

import re
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from kit.hosts import is_loopback
from wallet_project.settings.base import SECRET_KEY_LENGTH_MIN, env

# The service to call: grpc://host:port, or grpcs:// for TLS. Empty: this process keeps the books in its own database.
WALLET_SERVICE = env.str("WALLET_SERVICE", default="")
if WALLET_SERVICE and not re.fullmatch(r"grpcs?://([^/:]+|\[[0-9a-fA-F:]+\]):[0-9]+", WALLET_SERVICE):
    raise ImproperlyConfigured("WALLET_SERVICE is grpc://host:port, or grpcs://host:port through TLS.")
if WALLET_SERVICE.startswith("grpc://") and not is_loopback(urlsplit(WALLET_SERVICE).hostname or ""):
    # Whoever reads the traffic would see all money, and could send a request of their own in place of the next one.
    raise ImproperlyConfigured("WALLET_SERVICE is on another host, which needs TLS: grpcs://host:port.")
# The secret with which web processes tell the service for which user they call. At least 50 random characters, the same
# for the service and its web processes. Empty: the service accepts no such calls.
WALLET_SERVICE_KEY = env.str("WALLET_SERVICE_KEY", default="")
# More keys whose assertions the service accepts, separated by commas: the old key, until every web process has the new
# one.
WALLET_SERVICE_KEY_FALLBACKS = env.list("WALLET_SERVICE_KEY_FALLBACKS", default=[])
_keys = [WALLET_SERVICE_KEY] if WALLET_SERVICE or WALLET_SERVICE_KEY else []
if any(len(key) < SECRET_KEY_LENGTH_MIN for key in [*_keys, *WALLET_SERVICE_KEY_FALLBACKS]):
    # Anybody who guesses a key can act as any user.
    raise ImproperlyConfigured(f"WALLET_SERVICE_KEY has {SECRET_KEY_LENGTH_MIN} or more random characters.")
# Path of a PEM file: the certificate authority that signed the service's certificate. Empty: those of the system.
WALLET_SERVICE_CA = env.str("WALLET_SERVICE_CA", default="")
# Milliseconds that one call which moves money may take. A posting waits up to three times for its locks, each time for
# at most DATABASE_LOCK_TIMEOUT_MS; the default leaves five seconds on top.
WALLET_SERVICE_TIMEOUT_MS = env.int("WALLET_SERVICE_TIMEOUT_MS", default=20_000, minimum=1, maximum=600_000)

# The class that answers what entry points ask (`wallets/gateway.py`): with the local database, or with the service.
GATEWAY = "transactions.gateway.remote.RemoteGateway" if WALLET_SERVICE else "transactions.gateway.local.Gateway"
