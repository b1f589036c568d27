"""Every link between the pages of the documentation, and from them to the code, leads somewhere."""

from pathlib import Path

import pytest

from tests.docs.markdown import ROOT, anchors, links, pages

_PAGE = """
[a page](other.md), [a heading](#a-heading), [a heading of another page](other.md#some-money), [a folder](../docs/)
[no page](nowhere.md), [no heading](#nowhere), [none of that page](other.md#nowhere), [outside](../../outside.md)
`[code](nowhere.md)`, [the web](https://example.com)

# A heading
"""


def broken(page: Path, *, root: Path = ROOT) -> list[str]:
    """The links of a page that lead nowhere, or out of the project."""
    return [target for target in links(page) if not _resolves(page, target, root)]


def _resolves(page: Path, target: str, root: Path) -> bool:
    path, _, fragment = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    if not file.is_relative_to(root) or not file.exists():
        return False
    return not fragment or (file.suffix == ".md" and fragment in anchors(file))


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_resolves(page: Path) -> None:
    assert broken(page) == []


def test_it_finds_links_that_lead_nowhere(tmp_path: Path) -> None:
    docs = tmp_path / "project" / "docs"
    docs.mkdir(parents=True)
    (tmp_path / "outside.md").touch()
    (docs / "other.md").write_text("## Some money\n")
    (docs / "page.md").write_text(_PAGE)
    found = broken(docs / "page.md", root=docs.parent)
    assert found == ["nowhere.md", "#nowhere", "other.md#nowhere", "../../outside.md"]
