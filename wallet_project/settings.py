"""Settings: one file, everything that differs between machines from the environment.

Without DATABASE_URL and REDIS_URL the embedded servers under `.run/` are used (see `embedded.py`).
"""

import logging
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

import environ
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from telemetry import logs
from wallet_project import embedded

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

# What makes a deployment unsafe is named by `manage.py check --deploy`; `wsgi.py` refuses to serve with this key.
SECRET_KEY_LENGTH_MIN = 50
INSECURE_SECRET_KEY = "insecure-key-for-tests-and-commands-only"  # noqa: S105 - it is named for what it is
SECRET_KEY = env.str("SECRET_KEY", default=embedded.secret_key() or INSECURE_SECRET_KEY)
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
ENVIRONMENT = env.str("ENVIRONMENT", default="local")

INSTALLED_APPS = [
    "kit",
    "wallets",
    "transactions",
    "dashboard",
    "wallet_project",
    "wallets.auth.staff_config.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "django_htmx",
    "django_structlog",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "pghistory",
    "pgtrigger",
    "rest_framework",
]

MIDDLEWARE = [
    # First: probes come over plain HTTP and by an address that is none of ALLOWED_HOSTS.
    "wallet_project.health.ProbeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "telemetry.middleware.TelemetryMiddleware",
    "telemetry.middleware.RequestLogMiddleware",
    "kit.http.conditional.CompressionMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "kit.http.pages.TimeZoneMiddleware",
    "kit.http.pages.UnavailableMiddleware",
    # After the CSRF check and the sign-in: what those refuse need not be counted.
    "kit.limits.forms.FormLimitMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "wallet_project.urls"
WSGI_APPLICATION = "wallet_project.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- Postgres. Every lock and every statement has a timeout: waiting for ever is no answer. ---
# Longer than any request or task of ours needs. Commands that take longer lift it for themselves.
DATABASE_TRANSACTION_TIMEOUT_MS = env.int("DATABASE_TRANSACTION_TIMEOUT_MS", default=60_000)
_database = env.db_url_config(env.str("DATABASE_URL", default=embedded.database_url()))
DATABASES = {
    "default": {
        **_database,
        # A Unix socket's folder stands percent-encoded where a host would: postgres://user@%2Ffolder/name
        "HOST": unquote(_database["HOST"]),
        "CONN_MAX_AGE": env.int("DATABASE_CONN_MAX_AGE_S", default=60),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            # from the URL's query, such as ?sslmode=require or a socket's ?host=/directory
            **_database.get("OPTIONS", {}),
            "application_name": "wallet",
            "connect_timeout": 5,
            "options": " ".join(
                [
                    f"-c lock_timeout={env.int('DATABASE_LOCK_TIMEOUT_MS', default=5_000)}",
                    f"-c statement_timeout={env.int('DATABASE_STATEMENT_TIMEOUT_MS', default=30_000)}",
                    "-c idle_in_transaction_session_timeout=60000",
                    f"-c transaction_timeout={DATABASE_TRANSACTION_TIMEOUT_MS}",
                ]
            ),
        },
    }
}

# --- Redis: cache, sessions beside the database, limits, and the broker. No money depends on it. ---
REDIS_URL = env.str("REDIS_URL", default=embedded.redis_url())
#: The same for every cache, because django-redis has one connection pool per URL.
_REDIS_OPTIONS = {
    # Short: writers ask Redis while they hold locks.
    "SOCKET_CONNECT_TIMEOUT": 0.5,
    "SOCKET_TIMEOUT": 0.5,
    # redis-py 8 speaks RESP3 by default, and then a TCP pool hands out connections that still hold an unread reply: one
    # request could read another's answer. With RESP2 the pool reconnects instead.
    "CONNECTION_POOL_KWARGS": {"protocol": 2},
}
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "wallet",
        "OPTIONS": {**_REDIS_OPTIONS, "IGNORE_EXCEPTIONS": True},
    },
    # The counters of the forms. They must hear of a Redis that is away, to count elsewhere.
    "limits": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "wallet:limits",
        "OPTIONS": {**_REDIS_OPTIONS, "IGNORE_EXCEPTIONS": False},
    },
}
DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS = True
#: Off: every read asks Postgres, to see what the cache is worth. Writers evict all the same.
CACHE_ENABLED = env.bool("CACHE_ENABLED", default=True)
#: How long a fence stands that its writer left behind, and for how long a Redis that is new (wiped, restarted) is not
#: relied on, because it may have lost a fence. Longer than DATABASE_TRANSACTION_TIMEOUT_MS, so that no commit comes
#: after its fence; `manage.py check` sees to that.
CACHE_FENCE_S = env.float("CACHE_FENCE_S", default=90.0)
#: How long the trust in the cache lasts. To renew it costs one small query in half this time, for all readers together;
#: a writer that cannot reach Redis waits for so long, after its commit, until it says "done". The same everywhere.
CACHE_TRUST_MS = env.int("CACHE_TRUST_MS", default=300)
SESSION_ENGINE = "wallets.auth.sessions"

# --- Celery. Its messages only wake; what there is to do stands in Postgres, so that any of them may be lost. ---
CELERY_BROKER_URL = embedded.celery_url(env.str("CELERY_BROKER_URL", default=REDIS_URL))
# No result backend: nobody reads results, and what a task did is in the database.
CELERY_TASK_IGNORE_RESULT = True
# A message is acknowledged when its task is done, and handed back when the process that had it died.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 600
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # When a whole worker dies, with nobody left to hand its messages back, Redis delivers them again after this long.
    # Longer than the longest task may run (CELERY_TASK_TIME_LIMIT): before that, a task that is still at work would be
    # started a second time. It may well be minutes: transfers do not wait for it, because the sweep wakes them anew.
    # No task is sent with a countdown or an eta, which would have to be shorter still.
    "visibility_timeout": CELERY_TASK_TIME_LIMIT + 60,
    # A broker that is away, or answers no more, must not hold up whoever accepts a transfer.
    "socket_connect_timeout": 1,
    "socket_timeout": 5,
    # Nor may the pauses between one try and the next, of which there would be six seconds. Workers and beat, which have
    # to wait for it, do so by themselves.
    "max_retries": 0,
}
CELERY_WORKER_CONCURRENCY = env.int("CELERY_WORKER_CONCURRENCY", default=2)
# A task at a time for each process, so that none waits behind a long one while another process is idle.
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# For ever: a worker that gave up on a broker would have to be started by hand when it returns.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A task goes on when the broker is lost: it needs only Postgres, and being delivered a second time does no harm.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
# The tasks that fill the cache for a person who has signed in, and for wallets that changed while they are looked at.
WARM_PERSON_TASK = "transactions.tasks.person_warm_task"
WARM_WALLETS_TASK = "transactions.tasks.wallets_warm_task"
CELERY_BEAT_SCHEDULE = {
    # Finds what nobody was woken for: after a lost message, a wiped broker, a back-off. `expires`: while no worker
    # runs, no more of these pile up than one minute's.
    "sweep the queue": {
        "task": "transactions.tasks.partitions_sweep_task",
        "schedule": timedelta(seconds=2),
        "options": {"expires": 60},
    },
    # Evicts what a writer could not while Redis was away, so that the cache is relied on again.
    "sweep the cache": {
        "task": "wallets.tasks.cache_sweep_task",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 60},
    },
    # Opens the first wallets of accounts that a web process made while the wallet service was away.
    "open owed wallets": {
        "task": "wallets.tasks.wallets_owed_task",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 60},
    },
    "audit the books": {"task": "transactions.tasks.audit_nightly", "schedule": crontab(hour=3, minute=0)},
    "sweep sessions": {"task": "wallets.tasks.sessions_delete_expired", "schedule": crontab(hour=4, minute=0)},
    "sweep API tokens": {"task": "wallets.tasks.api_tokens_delete_expired", "schedule": crontab(hour=4, minute=5)},
}

# --- Logs: one line for each request and task, joined by its request id; no names, addresses or secrets ---
LOGGING = logs.logging_config(as_json=logs.json_wanted(), level=env.str("LOG_LEVEL", default="INFO"))
logs.structlog_configure()
DJANGO_STRUCTLOG_CELERY_ENABLED = True
DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = True  # TelemetryMiddleware has looked at it
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
DJANGO_STRUCTLOG_STATUS_4XX_LOG_LEVEL = logging.INFO
# What a task did it says itself, if it did anything; that it fails is always said, with the traceback.
DJANGO_STRUCTLOG_CELERY_TASK_START_LOG_LEVEL = logging.DEBUG
DJANGO_STRUCTLOG_CELERY_TASK_SUCCESS_LOG_LEVEL = logging.DEBUG

# --- Who one is ---
AUTH_USER_MODEL = "wallets.User"
AUTHENTICATION_BACKENDS = [
    "wallets.auth.backends.UsernameBackend",
    "wallets.auth.backends.UsernameOrEmailBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_REDIRECT_URL = "dashboard"
LOGIN_URL = "account_login"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
# One password field, that can be looked at: typing it twice blindly catches less, and a reset is one mail away.
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*"]
ACCOUNT_FORMS = {
    "add_email": "wallets.auth.forms.AddEmailForm",
    "change_password": "wallets.auth.forms.ChangePasswordForm",
    "login": "wallets.auth.forms.LoginForm",
    "reauthenticate": "wallets.auth.forms.ReauthenticateForm",
    "reset_password": "wallets.auth.forms.ResetPasswordForm",
    "reset_password_from_key": "wallets.auth.forms.ResetPasswordKeyForm",
    "signup": "wallets.auth.forms.SignUpForm",
}
ACCOUNT_USERNAME_VALIDATORS = "wallets.auth.forms.username_validators"
ACCOUNT_PRESERVE_USERNAME_CASING = False
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "wallets.auth.adapters.AccountAdapter"
# One address per account: people are found by it, so it is changed (and the new one confirmed), not collected.
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
MFA_ADAPTER = "wallets.auth.adapters.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Wallet"

REST_KNOX = {
    "TOKEN_MODEL": "wallets.ApiToken",
    "TOKEN_TTL": timedelta(hours=env.int("API_TOKEN_TTL_HOURS", default=24 * 30)),
    "AUTH_HEADER_PREFIX": "Bearer",
}
KNOX_TOKEN_MODEL = "wallets.ApiToken"  # noqa: S105 - a model's name

# --- REST ---
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "wallets.api.authentication.BearerAuthentication",
        "wallets.api.authentication.BrowserAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["kit.http.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "wallets.api.problems.exception_handler",
    # No ?format=: what an answer looks like is settled by the Accept header alone.
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "TEST_REQUEST_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Wallet",
    "DESCRIPTION": (
        "Deposit, withdraw, send, check a balance, read a history.\n\n"
        "- Amounts are JSON integers of minor units (cents); ids are strings of digits; times are UTC.\n"
        "- Bodies are JSON in UTF-8, of at most 1 MiB. Unknown and repeated fields are refused.\n"
        "- `RateLimit-Policy` and `RateLimit` tell with every answer what is allowed and what is left of it.\n"
        "- `Idempotency-Key` makes it safe to send a request that moves money again.\n"
        "- Links (`Location`, `next`, `previous`) are paths on this host.\n"
        "- Every error is a problem document (RFC 9457) with a stable `code`: see the [list](/api/errors)."
    ),
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v[0-9]+",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    # In the order of the addresses, which is the order in which a newcomer needs them.
    "SORT_OPERATIONS": False,
    "TAGS": [{"name": "Account"}, {"name": "Wallets"}, {"name": "Money"}],
    "PATH_CONVERTER_OVERRIDES": {"snowflake": {"type": "string", "pattern": "^[1-9][0-9]{0,18}$"}},
    "SWAGGER_UI_DIST": "SIDECAR",
    # No validator badge: it would send the schema to somebody else's server.
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None, "displayRequestDuration": True},
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
}

# --- Limits ---
#: The tables of limits on forms, by the name of the form's view.
FORM_LIMITS = ["wallets.limits.FORMS", "transactions.limits.FORMS"]
THROTTLE_ENABLED = env.bool("THROTTLE_ENABLED", default=True)
#: All quotas times this.
THROTTLE_SCALE = env.float("THROTTLE_SCALE", default=1.0)
#: How many processes serve the site. While Redis is away each of them counts alone, and lets its share of a quota pass.
THROTTLE_PROCESSES = max(1, env.int("THROTTLE_PROCESSES", default=4))
RATELIMIT_USE_CACHE = "limits"
RATELIMIT_IP_META_KEY = "kit.limits.addresses.client_network"
# allauth's own would close the door to everybody while Redis is away. Each has its line in the table of ours.
ACCOUNT_RATE_LIMITS = False

# --- Mail: printed to the log unless a server is named ---
EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Wallet <no-reply@localhost>")

# --- Pages ---
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        # Compressing takes a minute: an image's build can spare it, `make run` cannot.
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if ENVIRONMENT == "production"
        else "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    },
}
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}

# --- Transport. HTTPS=1 says that browsers reach the site through TLS. ---
HTTPS = env.bool("HTTPS", default=False)
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# How many proxies of ours stand in front: so many addresses at the end of X-Forwarded-For can be believed.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)
if TRUSTED_PROXIES < 0:
    raise ImproperlyConfigured("TRUSTED_PROXIES is how many proxies stand in front: 0 or more.")
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576

# --- Metrics: the site shows them at /metrics ---
#: Where Prometheus finds what a process has counted that serves no pages (http://…:port/metrics): gRPC, a worker of
#: Celery, a consumer or relay of Kafka. 0 for nowhere.
METRICS_PORT = env.int("METRICS_PORT", default=0)

# --- gRPC (`manage.py serve_grpc`) ---
#: The address to serve on: host:port.
GRPC_BIND = env.str("GRPC_BIND", default="127.0.0.1:50051")
#: Files (PEM) of a certificate chain and its key: both, or neither for plain text behind a proxy.
GRPC_TLS_CERT = env.str("GRPC_TLS_CERT", default="")
GRPC_TLS_KEY = env.str("GRPC_TLS_KEY", default="")
#: Calls that are answered side by side, each with a thread and a database connection of its own.
GRPC_THREADS = max(1, env.int("GRPC_THREADS", default=16))
#: Calls that are under way at the most, those that wait for a thread included. One more is refused at once.
GRPC_CALLS_MAX = max(GRPC_THREADS, env.int("GRPC_CALLS_MAX", default=64))
#: Calls of WatchWallet, which hold neither. Apart from the others, so that watching keeps nobody from paying.
GRPC_WATCHERS_MAX = env.int("GRPC_WATCHERS_MAX", default=1_000)
#: Of them one user's, so that nobody takes the places of all others.
GRPC_WATCHERS_PER_USER_MAX = env.int("GRPC_WATCHERS_PER_USER_MAX", default=20)
#: How long after a change a watcher hears of it at the latest, and how often Redis is asked for all of them together.
GRPC_WATCH_INTERVAL_MS = max(10, env.int("GRPC_WATCH_INTERVAL_MS", default=200))
#: How long calls under way may take to finish when the server is asked to stop.
GRPC_DRAIN_S = env.float("GRPC_DRAIN_S", default=10.0)

# --- The wallet as a service of its own (`manage.py serve_grpc`) ---
#: Where the books are kept: grpc://host:port, or grpcs:// through TLS. Empty: in this process's own database.
WALLET_SERVICE = env.str("WALLET_SERVICE", default="")
if WALLET_SERVICE and not re.fullmatch(r"grpcs?://([^/:]+|\[[0-9a-fA-F:]+\]):[0-9]+", WALLET_SERVICE):
    raise ImproperlyConfigured("WALLET_SERVICE is grpc://host:port, or grpcs://host:port through TLS.")
#: Shared by the service and its web processes, which say with it on whose behalf they call. Empty: no such calls.
WALLET_SERVICE_KEY = env.str("WALLET_SERVICE_KEY", default="")
if (WALLET_SERVICE or WALLET_SERVICE_KEY) and len(WALLET_SERVICE_KEY) < SECRET_KEY_LENGTH_MIN:
    # Whoever guesses it can act as anybody.
    raise ImproperlyConfigured(f"WALLET_SERVICE_KEY has {SECRET_KEY_LENGTH_MIN} or more random characters.")
#: The certificate (PEM) that the service's own is checked by; the system's authorities without.
WALLET_SERVICE_CA = env.str("WALLET_SERVICE_CA", default="")
#: How long one call may take. A posting waits for its locks for DATABASE_LOCK_TIMEOUT_MS at the most, three times.
WALLET_SERVICE_TIMEOUT_MS = env.int("WALLET_SERVICE_TIMEOUT_MS", default=20_000)
#: Who answers what the doors ask about wallets and about money (wallets/book.py, transactions/book.py).
WALLET_BOOK = "transactions.remote.wallets.RemoteWalletBook" if WALLET_SERVICE else "wallets.book.LocalWalletBook"
MONEY_BOOK = "transactions.remote.money.RemoteMoneyBook" if WALLET_SERVICE else "transactions.book.LocalMoneyBook"

# --- Asynchronous transfers ---
#: After this many faults a transfer waits in the dead letters for staff: about a minute and a half, with the back-off.
TRANSFER_ATTEMPTS_MAX = env.int("TRANSFER_ATTEMPTS_MAX", default=10)
#: How long one message keeps a drainer at work before it hands on to the next.
TRANSFER_DRAIN_LIMIT_S = env.float("TRANSFER_DRAIN_LIMIT_S", default=5.0)

# --- Kafka: a second channel for them, and where settled transactions are told of ---
#: Through what accepted transfers go: the queue in Postgres, or Kafka's topics and `manage.py consume_transfers`.
TRANSFER_CHANNEL = env.str("TRANSFER_CHANNEL", default="postgres")
if TRANSFER_CHANNEL not in {"postgres", "kafka"}:
    raise ImproperlyConfigured(f"TRANSFER_CHANNEL is postgres or kafka, not {TRANSFER_CHANNEL!r}.")
KAFKA_BOOTSTRAP_SERVERS = env.str("KAFKA_BOOTSTRAP_SERVERS", default="127.0.0.1:9092")
#: More of librdkafka's own options, such as security.protocol=SASL_SSL,sasl.mechanism=PLAIN
KAFKA_CLIENT_OPTIONS = env.dict("KAFKA_CLIENT_OPTIONS", default={})
KAFKA_TOPIC_PREFIX = env.str("KAFKA_TOPIC_PREFIX", default="wallet")
#: How many consumers can work side by side at the most. Changed only while nothing waits in the topics.
KAFKA_PARTITIONS = env.int("KAFKA_PARTITIONS", default=16)
#: How long Redis knows what was accepted, and Kafka keeps what was settled. What is not settled Kafka keeps for ever.
KAFKA_RETENTION_S = env.int("KAFKA_RETENTION_S", default=7 * 24 * 3600)
#: So long a consumer that was killed keeps its partitions from the others.
KAFKA_SESSION_TIMEOUT_MS = env.int("KAFKA_SESSION_TIMEOUT_MS", default=10_000)
#: How long a request waits for the broker's acknowledgement before it is answered 503.
KAFKA_DELIVERY_TIMEOUT_MS = env.int("KAFKA_DELIVERY_TIMEOUT_MS", default=5_000)
for _name, _value in {
    "KAFKA_PARTITIONS": KAFKA_PARTITIONS,
    "KAFKA_RETENTION_S": KAFKA_RETENTION_S,
    "KAFKA_SESSION_TIMEOUT_MS": KAFKA_SESSION_TIMEOUT_MS,
    "KAFKA_DELIVERY_TIMEOUT_MS": KAFKA_DELIVERY_TIMEOUT_MS,
}.items():
    # Or every transfer would fail, some of them after the broker has it.
    if _value < 1:
        raise ImproperlyConfigured(f"{_name} is 1 or more.")
