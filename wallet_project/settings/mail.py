"""Outgoing mail."""

from wallet_project.settings.base import env

# The mail server: smtp+tls://user:password@host:port. The default prints mails to the log, so that links in them can be
# followed without a mail server.
EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
# EMAIL_BACKEND, EMAIL_HOST and the like.
vars().update(EMAIL_CONFIG)
# The sender of every mail.
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Wallet <no-reply@localhost>")
