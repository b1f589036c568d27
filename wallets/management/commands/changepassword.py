"""`manage.py changepassword`: Django's command, which here also ends the user's tokens."""

import getpass
from typing import Any

from django.contrib.auth.management.commands import changepassword
from django.db import transaction

from wallets.auth.security_log import security_event_record
from wallets.domain.security import SecurityEventKind
from wallets.models import User
from wallets.services import tokens_revoke_all, user_fence


class Command(changepassword.Command):
    """Changes a user's password and ends the user's API tokens and browser sessions."""

    def handle(self, *args: Any, **options: Any) -> str:
        # Django's command waits for the password to be typed, and commits. The change is not acknowledged before the
        # fence below.
        done = super().handle(*args, **options)
        user = User.objects.get_by_natural_key(options["username"] or getpass.getuser())
        with transaction.atomic():
            security_event_record(user=user, kind=SecurityEventKind.PASSWORD_CHANGED)
            tokens_revoke_all(user=user)
            user_fence(user_id=user.pk)
        return str(done)
