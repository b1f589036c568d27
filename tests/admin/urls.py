"""The addresses of the dead-letter desk, and everything that it could change."""

from transactions.models import DeadLetterAction, Entry, Job, Transaction
from wallets.models import Wallet

DESK = "/admin/transactions/deadletter/"
QUEUE = "/admin/transactions/job/"
TRAIL = "/admin/transactions/deadletteraction/"


def settle_url(name: str, *transfers: Transaction) -> str:
    return f"{DESK}settle/{name}/?ids={','.join(str(transfer.id) for transfer in transfers)}"


def dry_run_url(transfer: Transaction) -> str:
    return f"{DESK}dry-run/{transfer.id}/"


def letter_url(transfer: Transaction) -> str:
    return f"{DESK}{Job.objects.get(transaction=transfer).pk}/change/"


def everything() -> tuple[object, ...]:
    models = (Job, Transaction, Entry, Wallet, DeadLetterAction)
    return tuple(list(model.objects.order_by("pk").values()) for model in models)
