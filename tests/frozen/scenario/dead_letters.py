"""Accepted transfers that met a fault: what their owners see, and what staff do with them."""

import json

from tests.frozen.cast import Play
from tests.frozen.stage import wait_until
from tests.frozen.wire import Client

DESK = "/admin/transactions/deadletter/"


def play(play: Play) -> None:
    desk = play.browse(play.staff)
    first, second = _died(play, desk)
    play.bob.api.get("The sender still reads that it is pending", f"/api/v2/transfers/{first}")
    play.browse(play.bob).get("So does the page", f"/transactions/{first}/")
    _listed(play, desk, first)
    _replayed(play, desk, first)
    _failed(play, desk, second)
    desk.get("What was done about them", "/admin/transactions/deadletteraction/")
    desk.cookies.clear()


def _died(play: Play, desk: Client) -> list[str]:
    bob = play.bob
    body = {"source": bob.wallets["CHF"], "recipient": "alice", "amount": 1_00}
    with play.wallet_broken(bob.wallets["CHF"]):
        transfers = [bob.api.post(None, "/api/v2/transfers", body).json()["id"] for _ in range(2)]
        with play.worker_running():
            wait_until(lambda: len(_letters(desk)) == len(transfers), what="the transfers are dead letters")
    return transfers


def _letters(desk: Client) -> list[str]:
    links = desk.get(None, DESK).page().links
    return sorted({link for link in links if link.startswith(DESK) and link.endswith("/change/")})


def _listed(play: Play, desk: Client, transfer: str) -> None:
    desk.get("The list of dead letters", DESK)
    desk.get("A dead letter", _letters(desk)[0])
    desk.get("A dry run", f"{DESK}dry-run/{transfer}/")
    desk.get("The queue", "/admin/transactions/job/")
    printed = json.loads(play.stage.command("dead_letters", "list", "--json").finish())
    play.log.area.add("What the command prints of a letter", [" ".join(sorted(letter)) for letter in printed])


def _replayed(play: Play, desk: Client, transfer: str) -> None:
    path = f"{DESK}settle/replay/?ids={transfer}"
    number = _letters(desk)[0].split("/")[-3]
    selected: dict[str, str | list[str]] = {"action": "replay", "_selected_action": number}
    desk.fill("A letter is selected", DESK, selected)
    desk.get("The page to replay it", path)
    desk.fill("It is replayed", path, {"note": ""})
    desk.fill("It is replayed once", path, {"note": ""})
    play.settle(transfer)
    play.bob.api.get("It is posted", f"/api/v2/transfers/{transfer}")


def _failed(play: Play, desk: Client, transfer: str) -> None:
    path = f"{DESK}settle/fail/?ids={transfer}"
    desk.get("The page to fail a letter", path)
    desk.fill("A note is needed", path, {"note": " "})
    desk.fill("It is failed", path, {"note": "For the recording"})
    play.bob.api.get("The sender reads why", f"/api/v2/transfers/{transfer}")
    play.alice.api.get("So does the recipient", f"/api/v2/transfers/{transfer}")
    play.browse(play.bob).get("So does the page of a failed one", f"/transactions/{transfer}/")
    desk.get("There is no such decision", f"{DESK}settle/nothing/?ids={transfer}")
    desk.get("There is no such transfer", f"{DESK}settle/fail/?ids=4096")
