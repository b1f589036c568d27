"""`manage.py changepassword`: Django's command, which here also ends what the old password authorised."""

import getpass
from typing import Any

from django.contrib.auth.management.commands import changepassword
from django.db import transaction

from wallets.auth.security_log import security_event_record
from wallets.domain.security import SecurityEventKind
from wallets.models import User
from wallets.services import password_changed


class Command(changepassword.Command):
    """Changes a user's password. Ends the user's API tokens and browser sessions, and cancels a change of address."""

    def handle(self, *args: Any, **options: Any) -> str:
        # Django's command waits for the password to be typed, and commits. The change is not acknowledged before the
        # fence below.
        done = super().handle(*args, **options)
        user = User.objects.get_by_natural_key(options["username"] or getpass.getuser())
        with transaction.atomic():
            security_event_record(user=user, kind=SecurityEventKind.PASSWORD_CHANGED)
            password_changed(user=user)
        return str(done)
