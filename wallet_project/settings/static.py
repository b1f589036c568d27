"""Static files, which WhiteNoise serves from the same process as the pages."""

from wallet_project.settings.base import BASE_DIR, ENVIRONMENT, SCRIPT_NAME

STATIC_URL = f"{SCRIPT_NAME}/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        # Compression takes a minute. That is fine for the build of an image, but too long for the start of `make run`.
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if ENVIRONMENT == "production"
        else "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    },
}
