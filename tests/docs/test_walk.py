"""What the documentation tells its readers to type works, and prints what it says."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command

from tests.docs.markdown import ROOT, Block
from tests.docs.site import Site
from tests.docs.walk import Step, check, run, steps


@pytest.fixture
def site(transactional_db: None, tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    try:
        yield site.wait_until_up()
    finally:
        site.stop()


def walked(walk: list[Step], site: Site) -> int:
    """Takes every step and checks what it prints; how many were checked."""
    printed = run(walk, url=site.url)
    checked = [(text, step.answer) for text, step in zip(printed, walk, strict=True) if step.answer]
    for text, answer in checked:
        check(text, answer)
    return len(checked)


def test_the_walk_through_the_api_prints_what_it_says(site: Site) -> None:
    assert walked(steps(ROOT / "docs" / "api.md"), site) >= 15


def test_the_example_of_the_readme_prints_what_it_says(site: Site) -> None:
    call_command("demo")
    example = [step for step in steps(ROOT / "README.md") if "curl" in step.command]
    assert walked(example, site) == 1


@pytest.mark.parametrize(
    "printed",
    [
        '{"id": "1", "status": "failed"}',
        '{"id": "1", "status": "posted", "more": 1}',
        '{"id": "1"}',
        '{"id": 1, "status": "posted"}',
    ],
)
def test_it_notices_another_body(printed: str) -> None:
    said = Block("json", '{"id": "322151071297089536", "status": "posted"}')
    check('{"id": "1", "status": "posted"}', said)
    with pytest.raises(AssertionError):
        check(printed, said)


@pytest.mark.parametrize("printed", ["HTTP/1.1 201 Created\nB: 2\n\n", "HTTP/1.1 204 No Content\nA: 1\n\n"])
def test_it_notices_another_status_and_a_missing_header(printed: str) -> None:
    said = Block("http", "HTTP/1.1 201 Created\nA: 1\n")
    check("HTTP/1.1 201 Created\nB: 2\nA: 1\n\n", said)
    with pytest.raises(AssertionError):
        check(printed, said)
