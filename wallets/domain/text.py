"""What text may be kept."""


def text_storable(text: str) -> bool:
    """Whether Postgres can store it: neither NUL nor half of a surrogate pair, which no encoding of UTF-8 has."""
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text)
