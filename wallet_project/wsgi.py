"""The site as a WSGI application, for gunicorn."""

import os
from importlib import import_module

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

from wallet_project.requests import Utf8Request

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wallet_project.settings")
application = get_wsgi_application()
application.request_class = Utf8Request

if settings.SECRET_KEY == settings.INSECURE_SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is one that everybody knows: whoever reads the source code could sign in as anybody. "
        "Set SECRET_KEY to 50 or more random characters. (`make run` makes one of its own.)"
    )

# With all views: otherwise the first visitor of each worker would wait a second for them to be imported.
import_module(settings.ROOT_URLCONF)
