"""Who a user is: the user model, sessions, passwords, django-allauth with its second factors, and API tokens."""

from datetime import timedelta

from django.core.exceptions import ImproperlyConfigured

from wallet_project.settings.base import env

AUTH_USER_MODEL = "wallets.User"
SESSION_ENGINE = "wallets.auth.sessions.engine"
# Seconds without activity after which a browser has to log in again: 7 days. An open page that refreshes itself is no
# activity. It is compared on every request, so a new value counts at once. Activity is noted every two minutes, hence
# the minimum.
SESSION_IDLE_S = env.int("SESSION_IDLE_S", default=7 * 86_400, minimum=600, maximum=400 * 86_400)
# Seconds since the login after which a browser has to log in again, whatever its activity: 30 days.
SESSION_ABSOLUTE_S = env.int("SESSION_ABSOLUTE_S", default=30 * 86_400, minimum=600, maximum=400 * 86_400)
# SESSION_IDLE_S for accounts of staff, in all of the site: an hour, because their sessions open the admin.
STAFF_SESSION_IDLE_S = env.int("STAFF_SESSION_IDLE_S", default=3_600, minimum=600, maximum=400 * 86_400)
# SESSION_ABSOLUTE_S for accounts of staff: 12 hours.
STAFF_SESSION_ABSOLUTE_S = env.int("STAFF_SESSION_ABSOLUTE_S", default=12 * 3_600, minimum=600, maximum=400 * 86_400)
if SESSION_IDLE_S > SESSION_ABSOLUTE_S or STAFF_SESSION_IDLE_S > STAFF_SESSION_ABSOLUTE_S:
    raise ImproperlyConfigured("SESSION_IDLE_S and STAFF_SESSION_IDLE_S are at most the absolute lifetime.")
if STAFF_SESSION_IDLE_S > SESSION_IDLE_S or STAFF_SESSION_ABSOLUTE_S > SESSION_ABSOLUTE_S:
    raise ImproperlyConfigured("Sessions of staff last no longer than those of other users.")
# A browser keeps the cookie for as long as the session can last. The server decides when it ends.
SESSION_COOKIE_AGE = SESSION_ABSOLUTE_S
AUTHENTICATION_BACKENDS = [
    "wallets.backends.UsernameOrEmailBackend",
    # Only for the sessions of earlier releases, which name it.
    "wallets.backends.UsernameBackend",
]
# The first hashes new passwords. Hashes of the second are still accepted, and replaced at the next sign-in.
PASSWORD_HASHERS = ["wallets.auth.hashers.Argon2Hasher", "wallets.auth.hashers.Pbkdf2Hasher"]
# Password hashes that one process computes at the same time. Each keeps a core busy for a twentieth of a second and
# takes 46 MiB. The default suits two web processes on two cores; a process that has more cores for itself may do more.
PASSWORD_HASHES_AT_ONCE = env.int("PASSWORD_HASHES_AT_ONCE", default=1)
# Requests that may wait until it is their turn to hash; any more are answered 503 at once. Each occupies a thread, so
# keep it below half of WEB_THREADS: other requests need the rest.
PASSWORD_HASHES_WAITING_MAX = env.int("PASSWORD_HASHES_WAITING_MAX", default=3)
if PASSWORD_HASHES_AT_ONCE < 1 or PASSWORD_HASHES_WAITING_MAX < 0:
    raise ImproperlyConfigured("PASSWORD_HASHES_AT_ONCE is 1 or more, PASSWORD_HASHES_WAITING_MAX is 0 or more.")
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    # Shorter passwords are not on the list of the next validator, so they could not be checked.
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "wallets.auth.password_rules.BreachedPasswordValidator"},
    {"NAME": "wallets.auth.password_rules.ContextWordsValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
# Keys that seal the secrets of second factors in Postgres, separated by commas, the newest first. Each has at least 50
# random characters. Empty: a key derived from SECRET_KEY. Then whoever has that key and a copy of the database can
# compute everybody's codes. `manage.py factor_secrets_rotate` replaces a key; docs/deployment.md has the steps.
FACTOR_KEYS = [key for item in env.list("FACTOR_KEYS", default=[]) if (key := item.strip())]
LOGIN_REDIRECT_URL = "dashboard"
LOGIN_URL = "account_login"

# --- django-allauth ---
ACCOUNT_ADAPTER = "wallets.auth.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
# One password field, which can be made visible. Typing a password twice catches fewer mistakes, and a forgotten
# password can be reset by mail.
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
# One email address per account, because senders find the recipient by it. A new address replaces the old one after it
# has been confirmed.
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
# A link that confirms an address is a signature of the pending address's row, so that nobody who reads the database, or
# a backup, can confirm one. It works as long as that row is pending: once, and not after a password change, which
# deletes the row.
ACCOUNT_EMAIL_CONFIRMATION_HMAC = True
# Not allauth's own: links of release 0.1, which a password change did not end, stay dead.
ACCOUNT_SALT = "wallets.confirmation"
# Seconds. A mail with a link that resets a password may wait an hour for the mail server, which leaves an hour to use
# the link.
PASSWORD_RESET_TIMEOUT = 2 * 3_600
# Links that reset a password are bound to the password and to the confirmed address. allauth's own generator adds the
# pending address, so that whoever enters one could end the owner's links.
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "django.contrib.auth.tokens.PasswordResetTokenGenerator"  # noqa: S105
# Changing the address asks for the password or the second factor again, as changing second factors does.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
# allauth's own limits would refuse everybody while Redis is down. FORM_LIMITS covers each of its forms instead.
ACCOUNT_RATE_LIMITS = False

MFA_ADAPTER = "wallets.auth.factors.adapter.MFAAdapter"
MFA_FORMS = {
    "activate_totp": "wallets.auth.factors.forms.ActivateTOTPForm",
    "authenticate": "wallets.auth.factors.forms.AuthenticateForm",
    "reauthenticate": "wallets.auth.factors.forms.ReauthenticateForm",
    "add_webauthn": "wallets.auth.passkeys.forms.AddForm",
    "authenticate_webauthn": "wallets.auth.passkeys.forms.AuthenticateForm",
    "edit_webauthn": "wallets.auth.passkeys.forms.EditForm",
    "login_webauthn": "wallets.auth.passkeys.forms.LoginForm",
    "reauthenticate_webauthn": "wallets.auth.passkeys.forms.ReauthenticateForm",
}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
# A passkey replaces the password and the code, so the device must ask its user for a PIN, a fingerprint or a face.
MFA_WEBAUTHN_USER_VERIFICATION = "required"
# As for ACCOUNT_RATE_LIMITS.
MFA_RATE_LIMITS = False
# An address that is not confirmed can do nothing, so nobody can use it to lock the user out.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = "Wallet"

# --- API tokens (django-rest-knox) ---
KNOX_TOKEN_MODEL = "wallets.ApiToken"  # noqa: S105 - a model's name
# Hours until a new API token expires. 30 days: programs rarely have to sign in again, and a leaked token that nobody
# noticed does not work for ever. The database refuses tokens that are valid for more than a year.
_api_token_ttl_hours = env.int("API_TOKEN_TTL_HOURS", default=720, minimum=1, maximum=365 * 24)
REST_KNOX = {
    "TOKEN_MODEL": KNOX_TOKEN_MODEL,
    "TOKEN_TTL": timedelta(hours=_api_token_ttl_hours),
    "AUTH_HEADER_PREFIX": "Bearer",
}
