"""What the running project answers is what was recorded."""

import pytest

from tests.frozen.exchanges import differences, recorded, recorded_areas
from tests.frozen.performance import Performance
from tests.frozen.scenario import AREAS, name_of

pytestmark = [pytest.mark.xdist_group("frozen"), pytest.mark.timeout(600)]


@pytest.mark.parametrize("name", [name_of(area) for area in AREAS])
def test_every_exchange_is_as_it_was_recorded(performance: Performance, name: str) -> None:
    changed = differences(recorded(name), performance.areas[name].exchanges)
    if changed:
        pytest.fail(f"{name} has changed. (FROZEN_RECORD=1 records anew.)\n\n{changed}", pytrace=False)


def test_every_recorded_exchange_takes_place(performance: Performance) -> None:
    assert {name: list(recorded(name)) for name in recorded_areas()} == {
        name: list(area.exchanges) for name, area in performance.areas.items()
    }


def test_the_books_balance_after_all_of_it(performance: Performance) -> None:
    assert performance.is_audited, performance.audit
