"""`manage.py changepassword`: Django's own, and whoever knew the old password is out."""

import getpass
from typing import Any

from django.contrib.auth.management.commands import changepassword
from django.db import transaction

from wallets.models import User
from wallets.services import tokens_revoke_all, user_fence


class Command(changepassword.Command):
    """Changes a user's password, which ends the user's API tokens and browser sessions."""

    def handle(self, *args: Any, **options: Any) -> str:
        # Django's part asks for the password, however long that takes, and commits. Nobody has been told so yet.
        done = super().handle(*args, **options)
        user = User.objects.get_by_natural_key(options["username"] or getpass.getuser())
        with transaction.atomic():
            tokens_revoke_all(user=user)
            user_fence(user_id=user.pk)
        return str(done)
