"""One performance of the scenario on a running project."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import grpc

from tests.frozen.cast import Play
from tests.frozen.exchanges import Area, blocks_text
from tests.frozen.interface import COLLECTORS, database_names
from tests.frozen.places import NAMES
from tests.frozen.scenario import played
from tests.frozen.stage import Stage, staged


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """`names` are lists of names by title. `audit` is what the audit of the books said in the end, and `is_audited`
    whether it found them in order."""

    areas: Mapping[str, Area]
    names: Mapping[str, str]
    audit: str
    is_audited: bool

    def record(self) -> None:
        for area in self.areas.values():
            area.write()
        NAMES.parent.mkdir(parents=True, exist_ok=True)
        NAMES.write_text(blocks_text(self.names))


def performed(folder: Path) -> Performance:
    """Starts the project, plays the scenario and stops the project."""
    with staged(folder) as stage:
        areas = _areas(stage)
        audit = stage.command("audit_ledger")
        is_audited = audit.wait() == 0
        names = {title: collect() for title, collect in COLLECTORS.items()} | database_names(stage.database)
    return Performance(
        areas={area.name: area for area in areas},
        names={title: "\n".join(lines) for title, lines in names.items()},
        audit=audit.output(),
        is_audited=is_audited,
    )


def _areas(stage: Stage) -> list[Area]:
    # No global pool of connections: this channel must not inherit the back-off of another one.
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(f"127.0.0.1:{stage.rpc}", options=options) as channel:
        return played(Play(stage, channel))
