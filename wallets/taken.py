"""What to tell somebody whose username or email cannot be theirs, because of another account's."""

from django.db import IntegrityError
from psycopg.errors import UniqueViolation

from kit.db.errors import constraint_violated

USERNAME_SIMILAR = "This username looks like another one. Try one that is easier to tell apart."
#: By a part of the index's name.
_MESSAGES = {
    "skeleton": ("username", USERNAME_SIMILAR),
    "username": ("username", "This username is taken."),
    "email": ("email", "This email is taken."),
}


def taken_messages(error: IntegrityError) -> dict[str, str]:
    """The field that another account's value keeps from being stored, with a message. Empty if that is not the
    reason."""
    if not isinstance(error.__cause__, UniqueViolation):
        return {}
    constraint = constraint_violated(error)
    return dict([found for part, found in _MESSAGES.items() if part in constraint][:1])
