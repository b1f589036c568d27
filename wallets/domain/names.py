"""Canonical forms of usernames and email addresses, and the skeletons that tell look-alikes.

Two texts with the same canonical form are one name, at every entry point: signing up, signing in, paying, searching.
Two usernames with the same skeleton look alike, and only one of them can be registered.
"""

import unicodedata
from functools import lru_cache

import idna
from confusable_homoglyphs.confusables import is_confusable

from wallets.domain.limits import EMAIL_LENGTH_MAX

#: Digits that people read as letters. No two digits share a letter, so numbered names stay apart.
_DIGITS = str.maketrans({"0": "o", "1": "l", "2": "z", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "i": "l"})
#: Pairs of letters that look like one.
_PAIRS = (("rn", "m"), ("vv", "w"))


def name_canonical(text: str) -> str:
    """The canonical form of what somebody typed to name a user: a username or an email address.

    Never fails: a text that is neither has a form that belongs to nobody.
    """
    folded = username_canonical(text)
    if "@" not in folded:
        return folded
    try:
        return email_canonical(text)
    except ValueError:
        return folded


def username_canonical(text: str) -> str:
    """NFKC and case folding, without spaces around it. The validator of usernames decides whether the result is one."""
    if text.isascii():
        return text.strip().lower()
    # Folding can produce characters that NFKC changes again. Lower case comes last, because Postgres compares with it.
    folded = unicodedata.normalize("NFKC", text.strip()).casefold()
    return unicodedata.normalize("NFKC", folded).lower().strip()


def email_canonical(text: str) -> str:
    """The local part as in usernames; the domain as IDNA 2008 writes it in ASCII. Raises ValueError if it has no such
    form. Whether the result is an email address is checked elsewhere."""
    local, _, domain = unicodedata.normalize("NFKC", text.strip()).rpartition("@")
    email = f"{username_canonical(local)}@{_domain_canonical(domain.strip())}"
    if len(email) > EMAIL_LENGTH_MAX:
        raise ValueError("The email is too long.")
    return email


def _domain_canonical(domain: str) -> str:
    if domain.isascii() and "xn--" not in domain.lower():
        return domain.lower()
    # IDNA folds the case itself, and tells "ß" from "ss". Raises IDNAError, a ValueError, for a domain that nobody can
    # register.
    return idna.encode(domain, uts46=True).decode("ascii").lower()


def skeleton(text: str) -> str:
    """What a reader makes of a name: without accents, separators and case, in Latin letters where others look the same.
    Empty if nothing of the text looks like a letter or digit of a username."""
    # By shape first: folding turns some characters into others that look different.
    latin = username_canonical("".join(map(_latin, unicodedata.normalize("NFD", text))))
    bare = unicodedata.normalize("NFKD", "".join(map(_latin, latin))).casefold().translate(_DIGITS)
    shape = "".join(char for char in bare if char.isascii() and char.isalnum())
    for pair, single in _PAIRS:
        shape = shape.replace(pair, single)
    return shape


@lru_cache(4_096)
def _latin(char: str) -> str:
    """The Latin letters that this character can be mistaken for, by Unicode's list of confusables; else itself."""
    if char.isascii():
        return char
    found = is_confusable(char, greedy=True, preferred_aliases=["latin"]) or []
    shapes = [str(entry["c"]) for one in found for entry in one["homoglyphs"]]
    return min((shape for shape in shapes if shape.isascii() and shape.isalnum()), key=len, default=char)
