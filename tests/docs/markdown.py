"""Reads Markdown as the documentation's tests need it: code blocks, links, and the anchors of headings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

ROOT: Path = settings.BASE_DIR
#: Folders whose Markdown is not ours.
_FOREIGN = {".venv", ".git", ".run", "node_modules", "staticfiles", ".pytest_cache"}
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_INLINE_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"\]\(([^()\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced code block: its language and its text."""

    language: str
    text: str


def pages() -> list[Path]:
    """Every Markdown file of the project."""
    return sorted(path for path in ROOT.rglob("*.md") if not _FOREIGN & set(path.relative_to(ROOT).parts))


def blocks(page: Path) -> list[Block]:
    """The code blocks of a page, in order."""
    return [Block(language, text) for _, language, text in _FENCE.findall(page.read_text())]


def links(page: Path) -> Iterator[str]:
    """The targets of a page's links and images that stay inside the project."""
    prose = _INLINE_CODE.sub("", _FENCE.sub("", page.read_text()))
    return (target for target in _LINK.findall(prose) if not re.match(r"[a-z]+:", target))


def anchors(page: Path) -> set[str]:
    """The fragments under which the page's headings can be linked to, as GitHub derives them."""
    found: set[str] = set()
    for heading in _HEADING.findall(_FENCE.sub("", page.read_text())):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        repeats = [slug, *(f"{slug}-{number}" for number in range(1, len(found) + 1))]
        found.add(next(name for name in repeats if name not in found))
    return found
