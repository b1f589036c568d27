"""The names that others rely on are those that were recorded (recorded/names/interface.txt).

A name that changes breaks something: a message in flight, a session, a dashboard, a script. Keep the old name working
or document the upgrade, then record anew.
"""

import pytest
from django.utils.module_loading import import_string

from tests.frozen.exchanges import blocks_parse, differences
from tests.frozen.performance import Performance
from tests.frozen.places import NAMES
from tests.frozen.sources import migration_imports

pytestmark = [pytest.mark.xdist_group("frozen"), pytest.mark.timeout(600)]


def test_no_name_has_changed(performance: Performance) -> None:
    changed = differences(blocks_parse(NAMES.read_text()), performance.names)
    if changed:
        pytest.fail(f"Names have changed. (FROZEN_RECORD=1 records anew.)\n\n{changed}", pytrace=False)


def test_no_list_of_names_is_empty() -> None:
    names = blocks_parse(NAMES.read_text())
    assert len(names) > 10
    assert all(names.values()), names


def test_what_migrations_import_is_there() -> None:
    paths = migration_imports()
    assert paths
    for path in paths:
        import_string(path)
