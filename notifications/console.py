"""Printing mails, for development."""

import sys
from typing import Any

from django.core.mail.backends import console


class EmailBackend(console.EmailBackend):
    """Prints mails to the process's own output. Celery turns each line of `sys.stdout` into a log line."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"stream": sys.__stdout__, **options})
