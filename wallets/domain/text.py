"""Checks whether text can be stored, and writes waiting times in words."""

import math


def text_storable(text: str) -> bool:
    """Whether Postgres can store the text. It refuses NUL and halves of surrogate pairs, which have no UTF-8 form."""
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text)


def wait_words(wait_s: int) -> str:
    """A waiting time for users, rounded up: "20 seconds", "1 minute", "5 minutes"."""
    if wait_s < 60:
        return "1 second" if wait_s == 1 else f"{wait_s} seconds"
    minutes = math.ceil(wait_s / 60)
    return "1 minute" if minutes == 1 else f"{minutes} minutes"
