"""Rules for display names: what users call themselves. Others see it before they pay, so it must not deceive."""

import unicodedata

from confusable_homoglyphs.categories import unique_aliases

#: Characters of a display name.
DISPLAY_NAME_LENGTH_MAX = 64
#: Characters that no display name contains, by Unicode category: controls, format characters (among them invisible ones
#: and those that turn the direction of text), surrogates, private use, unassigned, line and paragraph separators.
_REFUSED = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
#: Invisible characters of other categories: fillers of Hangul, blank Braille, and a mark that joins nothing.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f")
#: Scripts that one language mixes: Japanese, Korean, and Chinese with Bopomofo, each with Latin letters beside them
#: (the "highly restrictive" level of Unicode TR39).
_MIXED = (
    {"LATIN", "HAN", "HIRAGANA", "KATAKANA"},
    {"LATIN", "HAN", "HANGUL"},
    {"LATIN", "HAN", "BOPOMOFO"},
)
#: Scripts of characters that belong to no alphabet: digits, punctuation, accents.
_NEUTRAL = {"COMMON", "INHERITED"}
#: More accents on one letter than any language needs would cover the lines around it.
_ACCENTS_MAX = 2


def display_name_canonical(text: str) -> str:
    """NFKC, and one space where there are several. Letters keep their case."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def display_name_error(name: str) -> str:
    """Why this canonical name is refused, in a sentence for its user; empty if it is allowed."""
    if len(name) > DISPLAY_NAME_LENGTH_MAX:
        return f"Use at most {DISPLAY_NAME_LENGTH_MAX} characters."
    if any(unicodedata.category(char) in _REFUSED or char in _BLANK for char in name):
        return "Leave out invisible characters."
    if not any(char.isalnum() for char in name):
        return "Use at least one letter or digit."
    if "@" in name:
        return "Leave out “@”, because the name would look like an email."
    if _accents_most(name) > _ACCENTS_MAX:
        return "Use fewer accents on one letter."
    scripts = unique_aliases(name) - _NEUTRAL
    if len(scripts) > 1 and not any(scripts <= mixed for mixed in _MIXED):
        return "Use the letters of one alphabet."
    return ""


def _accents_most(name: str) -> int:
    """The largest number of accents on one letter."""
    most = run = 0
    for char in unicodedata.normalize("NFD", name):
        run = run + 1 if unicodedata.combining(char) else 0
        most = max(most, run)
    return most
