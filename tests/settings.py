"""The project's settings, with what only slows tests down turned off."""

from wallet_project.settings import *  # noqa: F403

# Hashing a password is meant to be slow; tests sign people in by the hundred.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# No manifest: the tests do not run collectstatic first.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
# The host of Django's test client.
SITE_URL = "http://testserver"
# Nor is there a folder of collected files to read at start: WhiteNoise looks files up where they lie.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
