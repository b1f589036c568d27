"""What text may be kept, and what people are told of waiting."""

import math


def text_storable(text: str) -> bool:
    """Whether Postgres can store it: neither NUL nor half of a surrogate pair, which no encoding of UTF-8 has."""
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text)


def wait_words(wait_s: int) -> str:
    """How long to wait, for a person: "20 seconds", "1 minute", "5 minutes"; never shorter than it is."""
    if wait_s < 60:
        return "1 second" if wait_s == 1 else f"{wait_s} seconds"
    minutes = math.ceil(wait_s / 60)
    return "1 minute" if minutes == 1 else f"{minutes} minutes"
