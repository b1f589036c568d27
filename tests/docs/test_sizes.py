"""The pages that a newcomer reads first stay short."""

import pytest

from tests.docs.markdown import ROOT


def test_the_readme_has_at_most_120_lines() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


def test_the_architecture_has_at_most_8000_bytes() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_bytes()) <= 8_000


@pytest.mark.parametrize("folder", ["docs/decisions", "docs/design"])
def test_each_index_names_every_page_of_its_folder(folder: str) -> None:
    index = (ROOT / folder / "README.md").read_text()
    found = sorted(page.name for page in (ROOT / folder).glob("*.md") if page.name != "README.md")
    assert found
    assert [name for name in found if f"]({name})" not in index] == []
