"""The comparison itself: what it must notice, and what it must not."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.frozen.bodies import json_text
from tests.frozen.exchanges import blocks_parse, blocks_text, differences, recorded, recorded_areas
from tests.frozen.headers import headers_text
from tests.frozen.names import Names
from tests.frozen.pages import Page, page_text

# While recording, any of them may be the first that waits for the new recordings.
pytestmark = [pytest.mark.xdist_group("frozen"), pytest.mark.timeout(600)]

Tamper = Callable[[str], str]


def _nobody(where: str, sentence: str) -> None:
    """Ignores differences in prose."""


def test_a_recording_is_read_as_it_was_written() -> None:
    areas = recorded_areas()
    assert len(areas) > 20
    for blocks in map(recorded, areas):
        assert len(blocks) > 5
        assert blocks_parse(blocks_text(blocks)) == blocks
        assert not differences(blocks, blocks_parse(blocks_text(blocks)))


@pytest.mark.parametrize(
    "tamper",
    [
        lambda text: text.replace("--- 201", "--- 200"),
        lambda text: text.replace('"amount": 2500', '"amount": 2501'),
        lambda text: text.replace("cache-control: private, no-store\n", ""),
        lambda text: text.replace("location: /api/v1/", "location: /api/v2/"),
        lambda text: text.replace('"status": "posted"', '"status": "pending"'),
        lambda text: text.replace("<time:1>", "<time:2>"),
    ],
)
def test_a_tampered_recording_is_noticed(tamper: Tamper) -> None:
    before = recorded("transfers")
    title = "Alice pays Bob by his name"
    now = {**before, title: tamper(before[title])}
    assert now != before
    assert title in differences(before, now)


def test_what_is_missing_new_or_in_another_order_is_noticed() -> None:
    before = recorded("transfers")
    first, *others = before
    fewer = {title: before[title] for title in others}
    assert "did not take place" in differences(before, fewer)
    assert "is not recorded" in differences(fewer, before)
    assert "another order" in differences(before, {**fewer, first: before[first]})


def test_another_wording_changes_nothing() -> None:
    problem = {"code": "malformed", "status": 400, "errors": {"amount": ["Give an amount."]}}
    texts = [
        json_text({**problem, "detail": detail, "title": detail, "errors": errors}, Names(), _nobody)
        for detail, errors in (("One.", {"amount": ["Give one."]}), ("Another.", {"amount": ["What is this?"]}))
    ]
    assert texts[0] == texts[1]
    pages = ["<h1>Sign in</h1><a href='/add/'>Add</a>", "<h1>Come in</h1><a href='/add/'>Put in</a>"]
    assert len({page_text(Page(page), Names()) for page in pages}) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"code": "not_found"},
        {"errors": {"memo": ["Give an amount."]}},
        {"errors": {"amount": ["Give an amount.", "And another."]}},
        {"retryable": True},
    ],
)
def test_another_code_or_field_is_noticed(other: dict[str, object]) -> None:
    problem = {"code": "malformed", "status": 400, "errors": {"amount": ["Give an amount."]}}
    assert json_text(problem, Names(), _nobody) != json_text(problem | other, Names(), _nobody)


@pytest.mark.parametrize(
    "other",
    [
        "<form action='/take/' method='post'><input name='amount' required></form><a href='/'>$5.00</a>",
        "<form action='/add/'><input name='amount' required></form><a href='/'>$5.00</a>",
        "<form action='/add/' method='post'><input name='sum' required></form><a href='/'>$5.00</a>",
        "<form action='/add/' method='post'><input name='amount'></form><a href='/'>$5.00</a>",
        "<form action='/add/' method='post'><input name='amount' required></form><a href='/x'>$5.00</a>",
        "<form action='/add/' method='post'><input name='amount' required></form><a href='/'>$6.00</a>",
    ],
)
def test_another_form_link_or_amount_is_noticed(other: str) -> None:
    page = "<form action='/add/' method='post'><input name='amount' required></form><a href='/'>$5.00</a>"
    assert page_text(Page(page), Names()) != page_text(Page(other), Names())


def test_volatile_values_have_the_same_names_in_every_run() -> None:
    def run(ids: list[str], etag: str, moment: str) -> list[str]:
        names = Names()
        names.know("id:alice usd", ids[0])
        headers = [("ETag", f'W/"{etag}"'), ("Location", f"/api/v1/transactions/{ids[1]}"), ("Date", "today")]
        body = {
            "id": ids[1],
            "wallet": ids[0],
            "created_at": moment,
            "settled_at": moment,
            "old": "2001-01-01T00:00:00Z",
        }
        return [*headers_text(headers, names), json_text(body, names, _nobody)]

    now = datetime.now(UTC)
    first = run(["120178432054083584", "120178432305741824"], "a" * 16, now.isoformat())
    second = run(["220178432054083584", "220178432305741824"], "b" * 16, (now + timedelta(days=1)).isoformat())
    assert first == second
    assert "location: /api/v1/transactions/<id:1>" in first
    assert '"settled_at": "<time:1>"' in first[-1]
    assert "2001-01-01T00:00:00Z" in first[-1]


def test_values_that_differ_within_a_run_have_different_names() -> None:
    names = Names()
    ids = ["120178432054083584", "120178432305741824", "120178432054083584"]
    assert [names.text(one) for one in ids] == ["<id:1>", "<id:2>", "<id:1>"]
