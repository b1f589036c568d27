"""Who a user is: the user model, sessions, passwords, django-allauth with its second factors, and API tokens."""

from datetime import timedelta

from django.core.exceptions import ImproperlyConfigured

from wallet_project.settings.base import env

AUTH_USER_MODEL = "wallets.User"
SESSION_ENGINE = "wallets.auth.sessions"
AUTHENTICATION_BACKENDS = [
    "wallets.backends.UsernameBackend",
    "wallets.backends.UsernameOrEmailBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
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
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
# allauth's own limits would refuse everybody while Redis is down. FORM_LIMITS covers each of its forms instead.
ACCOUNT_RATE_LIMITS = False

MFA_ADAPTER = "wallets.auth.adapters.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Wallet"

# --- API tokens (django-rest-knox) ---
KNOX_TOKEN_MODEL = "wallets.ApiToken"  # noqa: S105 - a model's name
# Hours until a new API token expires. 30 days: programs rarely have to sign in again, and a leaked token that nobody
# noticed does not work for ever. The database refuses tokens that are valid for more than a year.
_api_token_ttl_hours = env.int("API_TOKEN_TTL_HOURS", default=720)
if not 0 < _api_token_ttl_hours <= 365 * 24:
    raise ImproperlyConfigured("API_TOKEN_TTL_HOURS is from 1 to 8760, a year.")
REST_KNOX = {
    "TOKEN_MODEL": KNOX_TOKEN_MODEL,
    "TOKEN_TTL": timedelta(hours=_api_token_ttl_hours),
    "AUTH_HEADER_PREFIX": "Bearer",
}
