"""The Django project itself: secret key, hosts, apps, middleware, templates, language and time zone."""

import re

from django.core.exceptions import ImproperlyConfigured

from wallet_project import embedded
from wallet_project.environment import HOST, ORIGIN, Environment

env = Environment()

BASE_DIR = embedded.BASE_DIR

# `wsgi.py` refuses to serve with this key. It exists so that commands and tests run without any setup.
INSECURE_SECRET_KEY = "insecure-key-for-tests-and-commands-only"  # noqa: S105 - the name says what it is
# Characters. Shorter keys can be guessed; `manage.py check --deploy` refuses them.
SECRET_KEY_LENGTH_MIN = 50

# Signs sessions and the links in mails. At least 50 random characters, the same for all processes.
# Default: the key that `make run` created for this checkout, if there is one, so that sessions survive a restart.
SECRET_KEY = env.str("SECRET_KEY", default=embedded.secret_key() or INSECURE_SECRET_KEY)
# Earlier keys, separated by commas. Sessions and links that they signed stay valid, so a key can be replaced without
# signing anybody out: docs/deployment.md has the steps.
SECRET_KEY_FALLBACKS = [key for item in env.list("SECRET_KEY_FALLBACKS", default=[]) if (key := item.strip())]
# 1 shows settings and local variables on error pages. Off by default, because visitors would see them too;
# `manage.py check --deploy` refuses 1.
DEBUG = env.bool("DEBUG", default=False)
# Host names that the site answers to, separated by commas. The default admits only this machine. `*` is refused by
# `manage.py check --deploy`. (Links in mails begin with SITE_URL, whatever host a request names.)
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"], item=HOST, allowed="host names without scheme or port"
)
# Origins (https://host), separated by commas, whose pages may submit forms to the site. By default none other than the
# site itself.
CSRF_TRUSTED_ORIGINS = env.list(
    "CSRF_TRUSTED_ORIGINS", default=[], item=ORIGIN, allowed="origins such as https://wallet.example"
)
# The path below which the site is served, such as /wallet; empty for the root of its host. A proxy in front passes the
# whole path on. Gunicorn reads the same variable and takes the prefix off.
SCRIPT_NAME = env.str("SCRIPT_NAME", default="")
if SCRIPT_NAME and not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", SCRIPT_NAME):
    raise ImproperlyConfigured("SCRIPT_NAME must begin with a slash and not end with one: /wallet")
FORCE_SCRIPT_NAME = SCRIPT_NAME or None
# The name of this deployment. `production` compresses static files, writes logs as JSON and refuses to create demo
# users. The default is right for a developer's machine; the Docker image sets `production`.
ENVIRONMENT = env.str("ENVIRONMENT", default="local")

# Checks of `manage.py check` whose findings you accept, such as wallet.E031 for a Redis that only a private network can
# reach. By default none.
SILENCED_SYSTEM_CHECKS = env.list(
    "SILENCED_CHECKS", default=[], item=r"\w+\.[EW]\d+", allowed="ids such as wallet.E031"
)

INSTALLED_APPS = [
    "kit",
    "wallets",
    "transactions",
    "notifications",
    "dashboard",
    "wallet_project",
    "wallets.auth.staff.config.StaffAdminConfig",
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
    # First, because probes use plain HTTP and an address that is not in ALLOWED_HOSTS.
    "wallet_project.health.ProbeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    # Outside everything that answers by itself, so that no answer is without the policy.
    "kit.http.pages.ContentSecurityPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "telemetry.middleware.TelemetryMiddleware",
    "telemetry.middleware.RequestLogMiddleware",
    # Before anything reads a header or the body.
    "wallets.intake.IntakeMiddleware",
    "kit.http.conditional.CompressionMiddleware",
    # Outside the sessions, so that it sees a cookie that is set.
    "kit.http.pages.NoStoreMiddleware",
    "wallets.auth.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "wallets.auth.sessions.key_rotation.KeyRotationMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "kit.http.pages.TimeZoneMiddleware",
    "kit.http.pages.UnavailableMiddleware",
    # After the CSRF check and authentication: requests that those refuse do not count towards a limit.
    "kit.limits.forms.FormLimitMiddleware",
    "wallets.auth.middleware.SignInMiddleware",
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

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
