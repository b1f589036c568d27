"""The recordings cover the whole interface: each operation, each code, each gRPC method; or say what they leave out."""

import re

import pytest

from tests.frozen.exchanges import blocks_parse, recorded, recorded_areas
from tests.frozen.protos import SERVICE, Contract

# While recording, any of them may be the first that waits for the new recordings.
pytestmark = [pytest.mark.xdist_group("frozen"), pytest.mark.timeout(600)]

#: Codes that nobody can provoke from outside.
UNREACHABLE = {
    "internal_error",
    # No view of the API asks for more than being signed in; gRPC's assertions do, and are recorded there.
    "permission_denied",
    # The recorded site has FUNDING=demo, and staff return pay-outs in the admin. tests/funding meets both.
    "funding_closed",
    "payout_returned",
    # Everybody in the recordings has just signed in. tests/pages/test_step_up.py meets it.
    "step_up_required",
}
_PROBLEM = re.compile(r'"code": "([a-z_]+)"')
_REASON = re.compile(r"ErrorInfo reason=([a-z_]+)")


def _everything() -> list[str]:
    return [block for name in recorded_areas() for block in recorded(name).values()]


def _operations() -> list[tuple[str, str]]:
    schema = recorded("documentation")["What the schema says"]
    return [(method, path) for method, path in re.findall(r"^(GET|POST|PUT) (/api/\S+)$", schema, re.MULTILINE)]


def _pattern(path: str) -> str:
    return re.sub(r"\\{\w+\\}", r"[^/?\\s]+", re.escape(path)) + r"(\?\S*)?$"


def _statuses(method: str, path: str) -> set[int]:
    # The name of an id may have a space in it.
    exchanges = [re.sub(r"<[^>]+>", "<id>", block).splitlines() for block in _everything()]
    return {
        int(line.removeprefix("--- "))
        for lines in exchanges
        if re.match(f"{method} {_pattern(path)}", lines[0])
        for line in lines
        if re.fullmatch(r"--- \d{3}", line)
    }


def test_every_operation_succeeds_and_is_refused() -> None:
    operations = _operations()
    assert len(operations) > 10
    for method, path in operations:
        statuses = _statuses(method, path)
        assert any(200 <= status < 300 for status in statuses), (method, path, statuses)
        assert any(400 <= status < 500 for status in statuses), (method, path, statuses)


def test_every_code_is_met_over_rest() -> None:
    codes = set(recorded("documentation")["The codes in the list of errors"].splitlines())
    met = {code for block in _everything() for code in _PROBLEM.findall(block)}
    assert codes - met == UNREACHABLE - met == UNREACHABLE


def test_every_method_of_the_contract_succeeds_and_is_refused() -> None:
    for method in Contract().service.methods_by_name:
        blocks = [block for block in _everything() if block.startswith(f"{SERVICE}/{method}\n")]
        assert any("\n--- OK" in block or "\n--- the wallet" in block for block in blocks), method
        assert any(_REASON.search(block) for block in blocks), method


def test_nothing_that_differs_from_run_to_run_is_recorded() -> None:
    """Not even where no test would notice, such as within the prose."""
    for block in _everything():
        assert not re.search(r"(?<![\w.])1\d{17}(?!\w)", block)
        assert not re.search(r"[0-9a-f]{32}", block)


def test_a_recording_has_no_block_that_is_empty() -> None:
    assert all(blocks_parse(f"=== x\n{block}\n")["x"] for block in _everything())
