"""Outgoing mail. Requests only queue it, in Postgres; the Celery workers send it."""

import re

from django.core.exceptions import ImproperlyConfigured

from wallet_project import embedded
from wallet_project.settings.base import env

# Queues every mail. `notifications.mailer` sends what is queued with the backend MAIL_TRANSPORT.
EMAIL_BACKEND = "notifications.backends.QueueBackend"
# Backends of ours that take the place of Django's.
_OURS = {
    "django.core.mail.backends.smtp.EmailBackend": "notifications.smtp.EmailBackend",
    "django.core.mail.backends.console.EmailBackend": "notifications.console.EmailBackend",
}
# The mail server: smtp+tls://user:password@host:port. The default prints mails to the worker's output, so that links in
# them can be followed without a mail server. `manage.py check --deploy` refuses it: the links reset passwords.
_transport = env.email_url("EMAIL_URL", default="consolemail://")
MAIL_TRANSPORT = _OURS.get(_transport["EMAIL_BACKEND"], _transport["EMAIL_BACKEND"])
EMAIL_HOST = _transport["EMAIL_HOST"] or "localhost"
EMAIL_HOST_USER = _transport["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD = _transport["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS = _transport.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _transport.get("EMAIL_USE_SSL", False)
EMAIL_PORT = _transport["EMAIL_PORT"] or (465 if EMAIL_USE_SSL else 587 if EMAIL_USE_TLS else 25)
EMAIL_FILE_PATH = _transport["EMAIL_FILE_PATH"] or None
# Seconds that the mail server has to connect and for each of its replies. Ten are plenty for a server that works; many
# answer with a delay of a few seconds on purpose.
EMAIL_TIMEOUT = env.float("EMAIL_TIMEOUT_S", default=10.0)
if EMAIL_TIMEOUT <= 0:
    raise ImproperlyConfigured("EMAIL_TIMEOUT_S is more than 0.")
# Seconds for which a mail that could not be sent is tried again. Three days, which outlast a weekend without a mail
# server. A mail with a link that works for a shorter time is given up earlier.
MAIL_VALID_S = env.int("MAIL_VALID_S", default=259_200)
if MAIL_VALID_S < 1:
    raise ImproperlyConfigured("MAIL_VALID_S is 1 or more.")
# The sender of every mail.
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Wallet <no-reply@localhost>")
# Where users reach the site: scheme, host and port. Every link in a mail begins with it. It is not taken from requests,
# because a stranger may choose the host that a request names. Default: the address of `make run`.
SITE_URL = env.str("SITE_URL", default=embedded.site_url()).strip().rstrip("/")
if not re.fullmatch(r"https?://[^\s/?#@]+", SITE_URL):
    raise ImproperlyConfigured("SITE_URL is the site's address without a path, such as https://wallet.example.")
