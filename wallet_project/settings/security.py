"""What protects browsers: HTTPS, secure cookies and the Content-Security-Policy; and which proxies are trusted."""

import re

from csp.constants import NONE, SELF

from kit.http.cookies import cookie_name
from wallet_project.settings.base import SCRIPT_NAME, env

# 1 if browsers reach the site through TLS: plain HTTP is redirected, cookies are sent over TLS only, and browsers are
# told to use nothing else for a year (HSTS). Off by default, because the site itself does not speak TLS.
HTTPS = env.bool("HTTPS", default=False)
SECURE_SSL_REDIRECT = HTTPS
# Programs are refused instead (`wallets.intake`). They would follow a redirect without anybody noticing that each of
# their tokens crosses the network in plain text first.
SECURE_REDIRECT_EXEMPT = [rf"^{re.escape(SCRIPT_NAME[1:] + '/' if SCRIPT_NAME else '')}api/"]
# Seconds: a year, as browsers' preload lists require.
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
# Other sites on the same host, if there is a path prefix, get none of our cookies.
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = SCRIPT_NAME or "/"
SESSION_COOKIE_NAME = cookie_name("sessionid", https=HTTPS, path=SESSION_COOKIE_PATH)
CSRF_COOKIE_NAME = cookie_name("csrftoken", https=HTTPS, path=CSRF_COOKIE_PATH)
# The page's script sets this cookie (static/js/app.js), under the same name.
TIMEZONE_COOKIE_NAME = cookie_name("timezone", https=HTTPS, path=SESSION_COOKIE_PATH)
# By this cookie a browser is known to the accounts that have signed in there.
KNOWN_BROWSER_COOKIE_NAME = cookie_name("known-browser", https=HTTPS, path=SESSION_COOKIE_PATH)
MESSAGE_STORAGE = "kit.http.messages.MessageStorage"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# How many of your own proxies are in front of the site and the gRPC server. Each appends an address to X-Forwarded-For,
# so this many addresses at its end are trusted; with 1 or more, X-Forwarded-Proto is trusted too. With the default of 0
# both headers are ignored, because any client can send them.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0, maximum=10)
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

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
