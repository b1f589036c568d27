"""The scenario is played once, and the project stopped; every test looks at what was written down."""

import pytest

from tests.frozen.exchanges import is_recording
from tests.frozen.performance import Performance, performed


@pytest.fixture(autouse=True)
def _recorded_first(request: pytest.FixtureRequest) -> None:
    """While recording, tests that read the recordings wait for the new ones."""
    if is_recording():
        request.getfixturevalue("performance")


@pytest.fixture(scope="session")
def performance(tmp_path_factory: pytest.TempPathFactory) -> Performance:
    """What was exchanged. Written to the recordings first, where FROZEN_RECORD asks for that."""
    performance = performed(tmp_path_factory.mktemp("frozen"))
    if is_recording():
        performance.record()
    return performance
