"""The site as a WSGI application, for gunicorn."""

import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from wallet_project.requests import Utf8Request
from wallet_project.start import settings_check
from wallets.auth.wallet_service.keys import keys_assert_secret

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wallet_project.settings")
application = get_wsgi_application()
application.request_class = Utf8Request

keys_assert_secret()

settings_check()

# Loads all views now. Otherwise the first request of each worker would wait a second for the imports.
import_module(settings.ROOT_URLCONF)
