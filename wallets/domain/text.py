"""Checks whether text can be stored and makes it safe to show, and writes waiting times in words."""

import math
import re

# Characters that start or end a span of a given direction. One that is left open, or closed once too often, also
# reorders the text around it, so that an amount could read as another one.
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")


def text_storable(text: str) -> bool:
    """Whether Postgres can store the text. It refuses NUL and halves of surrogate pairs, which have no UTF-8 form."""
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text)


def direction_controls_remove(text: str) -> str:
    """The text without the invisible characters that reorder text. Hebrew and Arabic need none of them."""
    return _DIRECTIONS.sub("", text)


def wait_words(wait_s: int) -> str:
    """A waiting time for users, rounded up: "20 seconds", "1 minute", "5 minutes"."""
    if wait_s < 60:
        return "1 second" if wait_s == 1 else f"{wait_s} seconds"
    minutes = math.ceil(wait_s / 60)
    return "1 minute" if minutes == 1 else f"{minutes} minutes"
