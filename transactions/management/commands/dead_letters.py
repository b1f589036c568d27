"""`manage.py dead_letters` lists and settles dead letters in a shell, with the permissions and the trail of the admin.

Exit code 0 if everything was done, 1 if anything was not, 2 if the command line is wrong.
"""

import json
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, OperationalError
from psycopg.errors import LockNotAvailable

from transactions.models import DeadLetterAction, Job
from transactions.settlement.dead_letters import (
    dead_letter_dry_run,
    dead_letter_fail,
    dead_letter_list,
    dead_letter_replay,
)
from wallets.domain.errors import WalletError
from wallets.domain.money import amount_format
from wallets.models import User

_PERMISSION = "transactions.settle_dead_letters"
_NOT_DEAD = "This transfer is not a dead letter."
_ID_MAX = 2**63 - 1


class Command(BaseCommand):
    """Lists, shows, tries out, replays and fails dead letters."""

    help = "Lists dead letters (transfers that were given up), and replays or fails them. Exit code 0 if all was done."

    def add_arguments(self, parser: ArgumentParser) -> None:
        assert isinstance(parser, CommandParser)  # noqa: S101 - Django passes its own
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        listing = actions.add_parser("list", help="all dead letters, those that have waited longest first")
        listing.add_argument("--json", action="store_true", help="print one JSON array; amounts in minor units")
        showing = actions.add_parser("show", help="one dead letter in full, and earlier actions on it")
        dry_run = actions.add_parser("dry-run", help="what a replay would do now; changes nothing")
        for one in (showing, dry_run):
            one.add_argument("ids", metavar="ID", type=_transaction_id, nargs=1, help="the transaction's id")
        replaying = actions.add_parser("replay", help="settle once more, with fresh attempts")
        which = replaying.add_mutually_exclusive_group(required=True)
        which.add_argument("ids", metavar="ID", type=_transaction_id, nargs="*", default=[], help="transactions' ids")
        which.add_argument("--all", action="store_true", help="all current dead letters")
        failing = actions.add_parser("fail", help="settle as failed; no money moves")
        failing.add_argument("ids", metavar="ID", type=_transaction_id, nargs="+", help="transactions' ids")
        for acting, needs_note in ((replaying, False), (failing, True)):
            acting.add_argument(
                "--actor", required=True, help=f"your username, for the audit trail; needs {_PERMISSION}"
            )
            acting.add_argument("--note", required=needs_note, default="", help="the reason, for the audit trail")

    def handle(self, *, action: str, **options: Any) -> None:
        try:
            if action == "list":
                self._list(as_json=options["json"])
            elif action == "show":
                self._show(options["ids"][0])
            elif action == "dry-run":
                self.stdout.write(dead_letter_dry_run(transaction_id=options["ids"][0]))
            elif action == "replay":
                ids = _dead_ids() if options["all"] else options["ids"]
                self._act(dead_letter_replay, "replayed", ids, options["actor"], options["note"])
            else:
                self._act(dead_letter_fail, "failed", options["ids"], options["actor"], options["note"])
        except WalletError as error:
            raise CommandError(error.detail) from error
        except DatabaseError as error:
            raise CommandError(f"The database failed: {error}") from error

    def _list(self, *, as_json: bool) -> None:
        letters = dead_letter_list()
        if as_json:
            self.stdout.write(json.dumps([_as_json(job) for job in letters], indent=2))
            return
        for job in letters:
            self.stdout.write(
                f"{job.transaction_id}  {job.dead_at:%Y-%m-%d %H:%M:%S}  {_sides(job)}  {_amount(job)}  "
                f"attempts: {job.attempts}  {_first_line(job.last_fault)}"
            )
        if not letters:
            self.stdout.write("There are no dead letters.")

    def _show(self, transaction_id: int) -> None:
        job = dead_letter_list().filter(transaction=transaction_id).first()
        if job is None:
            raise CommandError(_NOT_DEAD)
        moved = job.transaction
        for name, value in (
            ("transaction", moved.id),
            ("from, to", _sides(job)),
            ("amount", _amount(job)),
            ("memo", moved.memo or "-"),
            ("key", moved.idempotency_key or "-"),
            ("accepted", f"{moved.created_at:%Y-%m-%d %H:%M:%S} UTC"),
            ("dead since", f"{job.dead_at:%Y-%m-%d %H:%M:%S} UTC"),
            ("attempts", job.attempts),
            ("partition", job.partition),
            ("last fault", job.last_fault),
        ):
            self.stdout.write(f"{name:<13}{value}")
        self._trail_print(moved.dead_letter_actions.select_related("actor"))

    def _trail_print(self, actions: Iterable[DeadLetterAction]) -> None:
        for action in actions:
            self.stdout.write(
                f"{'before':<13}{action.created_at:%Y-%m-%d %H:%M:%S} {action.action} by {action.actor or '-'}, "
                f"after {action.attempts} attempts: {action.note or '(no note)'}"
            )

    def _act(self, service: Callable[..., bool], past: str, ids: Sequence[int], actor_name: str, note: str) -> None:
        """Acts on each transfer in its own database transaction, so that one failure does not stop the others."""
        actor = _actor(actor_name)
        undone = 0
        for transaction_id in ids:
            try:
                done = service(transaction_id=transaction_id, actor=actor, note=note)
                answer = f"{past}." if done else f"left as it is. {_NOT_DEAD}"
            except OperationalError as error:
                if not isinstance(error.__cause__, LockNotAvailable):
                    raise
                done, answer = False, "left as it is. It is busy; try again."
            self.stdout.write(f"{transaction_id}: {answer}")
            undone += not done
        if undone:
            raise CommandError(f"{undone} of {len(ids)} were left as they are.")


def _transaction_id(text: str) -> int:
    number = int(text)
    if not 0 < number <= _ID_MAX:
        raise ValueError(text)
    return number


def _actor(username: str) -> User:
    """The user who acts. A user with a shell could do anything; the check keeps wrong names out of the audit trail."""
    actor = User.objects.filter(username=username.lower()).first()
    if actor is None or not (actor.is_staff and actor.has_perm(_PERMISSION)):
        raise CommandError(f"{username} may not settle dead letters: only staff with {_PERMISSION} may.")
    return actor


def _dead_ids() -> list[int]:
    """The transaction ids of all dead letters in order of acceptance, in which they settle."""
    return list(dead_letter_list().order_by("id").values_list("transaction_id", flat=True))


def _sides(job: Job) -> str:
    return f"{job.transaction.source} to {job.transaction.destination}"


def _amount(job: Job) -> str:
    return amount_format(job.transaction.amount, currency=job.transaction.currency)


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else ""


def _as_json(job: Job) -> dict[str, Any]:
    """A dead letter as JSON. Ids are strings and amounts are minor units, as in the REST API."""
    moved = job.transaction
    assert moved.source is not None and moved.destination is not None and job.dead_at  # noqa: S101, PT018 - a dead transfer
    return {
        "id": str(moved.id),
        "source": str(moved.source.id),
        "source_owner": str(moved.source.owner),
        "destination": str(moved.destination.id),
        "destination_owner": str(moved.destination.owner),
        "currency": moved.currency,
        "amount": moved.amount,
        "accepted_at": moved.created_at.isoformat(),
        "dead_at": job.dead_at.isoformat(),
        "attempts": job.attempts,
        "reason": job.last_fault,
    }
