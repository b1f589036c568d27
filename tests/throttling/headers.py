"""Parses RateLimit and RateLimit-Policy as a client would: structured fields, a list of strings with parameters."""

import re
from typing import Any

_ITEM = re.compile(r'"([a-z-]+)"((?:;[a-z]+=[0-9]+)+)')


def items(value: str) -> dict[str, dict[str, int]]:
    """`"money";q=600;w=60, "x";q=1` as {"money": {"q": 600, "w": 60}, "x": {"q": 1}}. Fails on anything else."""
    found = {}
    for item in value.split(", "):
        match = _ITEM.fullmatch(item)
        assert match, item
        pairs = (pair.split("=") for pair in match[2].strip(";").split(";"))
        found[match[1]] = {name: int(number) for name, number in pairs}
    return found


def policies(response: Any) -> dict[str, dict[str, int]]:
    return items(response["RateLimit-Policy"])


def left(response: Any) -> dict[str, dict[str, int]]:
    return items(response["RateLimit"])
