"""The scenario: what is asked of the running project, area by area, in this order."""

from collections.abc import Callable

from tests.frozen.cast import Play
from tests.frozen.exchanges import Area
from tests.frozen.scenario import (
    accounts,
    bulk,
    busy,
    dead_letters,
    deposits,
    documentation,
    history,
    idempotency,
    limits,
    pages_account,
    pages_entrance,
    pages_errors,
    pages_history,
    pages_money,
    pages_send,
    pages_staff,
    pages_wallets,
    probes,
    protocol,
    queued,
    rpc_contract,
    rpc_money,
    rpc_queued,
    rpc_reads,
    sessions,
    spending,
    statuses,
    transactions,
    transfers,
    wallets,
)

#: An area changes what the following ones find. The first one opens the accounts of all.
AREAS: tuple[Callable[[Play], None], ...] = (
    accounts.play,
    wallets.play,
    deposits.play,
    transfers.play,
    idempotency.play,
    transactions.play,
    history.play,
    queued.play,
    bulk.play,
    statuses.play,
    sessions.play,
    rpc_contract.play,
    rpc_reads.play,
    rpc_money.play,
    rpc_queued.play,
    pages_entrance.play,
    pages_account.play,
    pages_money.play,
    pages_send.play,
    pages_history.play,
    pages_wallets.play,
    pages_staff.play,
    spending.play,
    dead_letters.play,
    pages_errors.play,
    busy.play,
    protocol.play,
    documentation.play,
    probes.play,
    limits.play,
)


def name_of(area: Callable[[Play], None]) -> str:
    return area.__module__.rpartition(".")[2]


def played(play: Play) -> list[Area]:
    """Plays everything, and returns what was exchanged."""
    areas = []
    for area in AREAS:
        areas.append(play.log.begin(name_of(area)))
        area(play)
    return areas
