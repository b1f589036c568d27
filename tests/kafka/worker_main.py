"""A consumer's process for tests, which kills itself with -9 at the moment that DIE_AT names."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from transactions.channels.kafka import settle  # noqa: E402
from transactions.channels.kafka.consumer import TransferConsumer  # noqa: E402


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def after(function: Callable[..., Any]) -> Callable[..., Any]:
    def dying(*arguments: Any, **options: Any) -> None:
        function(*arguments, **options)
        die()

    return dying


match os.environ.get("DIE_AT"):
    case "before the commit in Postgres":
        settle.__dict__["post"] = after(settle.__dict__["post"])
    case "before the commit of the offsets":
        TransferConsumer._commit = die  # type: ignore[method-assign]
    case "after the commit of the offsets":
        TransferConsumer._commit = after(TransferConsumer._commit)  # type: ignore[method-assign]

sys.exit(call_command("consume_transfers"))
