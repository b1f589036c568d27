"""The URLs of the dead-letter admin, and all rows that it could change."""

from transactions.models import DeadLetterAction, Entry, Job, Transaction
from wallets.models import Wallet

DEAD_LETTERS = "/admin/transactions/deadletter/"
JOBS = "/admin/transactions/job/"
TRAIL = "/admin/transactions/deadletteraction/"


def settle_url(name: str, *transfers: Transaction) -> str:
    return f"{DEAD_LETTERS}settle/{name}/?ids={','.join(str(transfer.id) for transfer in transfers)}"


def dry_run_url(transfer: Transaction) -> str:
    return f"{DEAD_LETTERS}dry-run/{transfer.id}/"


def letter_url(transfer: Transaction) -> str:
    return f"{DEAD_LETTERS}{Job.objects.get(transaction=transfer).pk}/change/"


def everything() -> tuple[object, ...]:
    """All rows that the dead-letter admin could change, to compare before and after."""
    models = (Job, Transaction, Entry, Wallet, DeadLetterAction)
    return tuple(list(model.objects.order_by("pk").values()) for model in models)
