"""Exchanges, and the files in which they are kept: `recorded/<area>.txt`, one block for each exchange, in order."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path

from tests.frozen.places import PROSE, RECORDED

_TITLE = "=== "


def is_recording() -> bool:
    """Whether FROZEN_RECORD asks for new recordings."""
    return os.environ.get("FROZEN_RECORD", "") not in {"", "0"}


@dataclass
class Area:
    """What was exchanged, by title; and the sentences for people in it, which nobody compares."""

    name: str
    exchanges: dict[str, str] = field(default_factory=dict)
    prose: list[str] = field(default_factory=list)

    def add(self, title: str, lines: list[str]) -> None:
        assert title not in self.exchanges, f"{self.name}: {title!r} is there twice."
        self.exchanges[title] = "\n".join(line.rstrip() for line in "\n".join(lines).splitlines())

    def tell(self, title: str, where: str, sentence: str) -> None:
        self.prose.append(f"{title} | {where}: {sentence}")

    def write(self) -> None:
        RECORDED.mkdir(exist_ok=True)
        PROSE.mkdir(exist_ok=True)
        _path(self.name).write_text(blocks_text(self.exchanges))
        (PROSE / f"{self.name}.txt").write_text("".join(f"{line}\n" for line in self.prose))


def blocks_text(blocks: Mapping[str, str]) -> str:
    return "\n".join(f"{_TITLE}{title}\n{text}\n" for title, text in blocks.items())


def blocks_parse(text: str) -> dict[str, str]:
    blocks: dict[str, str] = {}
    for part in f"\n{text}".split(f"\n{_TITLE}")[1:]:
        title, _, block = part.partition("\n")
        assert title not in blocks, f"{title!r} is recorded twice."
        blocks[title] = block.strip("\n")
    return blocks


def recorded_areas() -> list[str]:
    """The areas of which there is a recording."""
    return sorted(path.stem for path in RECORDED.glob("*.txt"))


def recorded(name: str) -> dict[str, str]:
    """The recorded blocks of an area; none where nothing was recorded."""
    path = _path(name)
    return blocks_parse(path.read_text()) if path.exists() else {}


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What changed, exchange by exchange; empty where nothing did."""
    parts = []
    for title in [*before, *(title for title in now if title not in before)]:
        if title not in now:
            parts.append(f"{_TITLE}{title}\nIt was recorded, and did not take place.")
        elif title not in before:
            parts.append(f"{_TITLE}{title}\nIt took place, and is not recorded.")
        elif before[title] != now[title]:
            parts.append("\n".join([f"{_TITLE}{title}", *_diff(before[title], now[title])]))
    if not parts and list(before) != list(now):
        parts.append("The exchanges took place in another order.")
    return "\n\n".join(parts)


def _diff(before: str, now: str) -> list[str]:
    return list(unified_diff(before.splitlines(), now.splitlines(), "recorded", "now", n=3, lineterm=""))


def _path(name: str) -> Path:
    return RECORDED / f"{name}.txt"
