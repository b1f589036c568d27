"""Runs the shell commands of a page, and compares what they print with what the page says.

An `sh` block is followed by the answer that it prints, if it prints any: a `json` block for a body alone, an `http`
block for a status line, some of the headers and the body (`curl -i`).
"""

import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.docs.markdown import Block, blocks

_SITE = "http://127.0.0.1:8000"
_BETWEEN = "-- the end of a step --"
_ANSWERS = {"json", "http"}
#: What is different in each run, and what stands in its place here.
_CHANGING = {
    re.compile(r"\b[0-9a-f]{64}\b"): "<token>",
    re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"): "<time>",
    re.compile(r"\b[1-9][0-9]{15,18}\b"): "<id>",
    re.compile(r"\bcursor=[\w-]+"): "cursor=<cursor>",
}
#: Words for people, which may change; and a user's id, which is a small number.
_WORDS = {"title", "detail", "errors"}


@dataclass(frozen=True)
class Step:
    """A command, and what the page says that it prints: None where it says nothing about it."""

    command: str
    answer: Block | None


def steps(page: Path) -> list[Step]:
    """What a page asks its reader to type, in order."""
    found = [*blocks(page), Block("", "")]
    return [
        Step(block.text, follower if follower.language in _ANSWERS else None)
        for block, follower in pairwise(found)
        if block.language == "sh"
    ]


def run(walk: Sequence[Step], *, url: str, timeout_s: float = 60) -> list[str]:
    """What each step prints, all of them typed into one shell, with the site at `url`."""
    script = f"\necho '{_BETWEEN}'\n".join(step.command for step in walk).replace(_SITE, url)
    shell = subprocess.run(["sh", "-eu"], input=script, capture_output=True, text=True, timeout=timeout_s, check=False)
    assert (shell.returncode, shell.stderr) == (0, ""), shell.stdout + shell.stderr
    return shell.stdout.split(f"{_BETWEEN}\n")


def check(printed: str, answer: Block) -> None:
    """Fails where a step prints something else than its page says. Ids, times and the words of errors may differ."""
    head, _, body = answer.text.partition("\n\n") if answer.language == "http" else ("", "", answer.text)
    printed_head, _, printed_body = printed.partition("\n\n") if head else ("", "", printed)
    status, *headers = map(_stable, head.splitlines() or [""])
    printed_status, *printed_headers = map(_stable, printed_head.splitlines() or [""])
    assert printed_status == status
    assert set(headers) <= set(printed_headers), printed_head
    assert _shape(printed_body) == _shape(body)


def _shape(body: str) -> Any:
    return _stable_value("", json.loads(body)) if body.strip() else None


def _stable_value(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _stable_value("detail" if name == "errors" else key, one) for key, one in value.items()}
    if isinstance(value, list):
        return [_stable_value(name, one) for one in value]
    if name in _WORDS and isinstance(value, str):
        assert value
        return "<words>"
    if name == "id" and isinstance(value, str):
        assert value.isdecimal(), value
        return "<id>"
    return _stable(value) if isinstance(value, str) else value


def _stable(text: str) -> str:
    for pattern, name in _CHANGING.items():
        text = pattern.sub(name, text)
    return text.strip()
