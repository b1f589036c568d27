"""What is checked before a process serves or works, beside the values of the settings.

Management commands run Django's checks by themselves. Gunicorn and Celery load the site without them.
"""

from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS

#: The tag of checks of the settings whose findings keep a process from starting.
START = "start"


def settings_check() -> None:
    """Raises ImproperlyConfigured if the settings name a server that must not be used."""
    _refuse(checks.run_checks(tags=[START]))


def database_check() -> None:
    """Raises ImproperlyConfigured if the database must not be used. One that does not answer is no reason: the process
    starts, and checks each connection when it is made."""
    _refuse(checks.run_checks(tags=[checks.Tags.database], databases=[DEFAULT_DB_ALIAS]))


def _refuse(found: list[checks.CheckMessage]) -> None:
    errors = [str(message) for message in found if message.is_serious() and not message.is_silenced()]
    if errors:
        raise ImproperlyConfigured("\n".join(errors))
