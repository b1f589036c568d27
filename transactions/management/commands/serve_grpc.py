"""`manage.py serve_grpc` serves the wallet over gRPC."""

import asyncio
import signal
from typing import Any

from django.conf import settings
from django.core.checks import Tags
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS

from telemetry.internal import internal_serve
from transactions.rpc.server import BindError, serve
from wallets.auth.wallet_service.keys import keys_assert_secret


class Command(BaseCommand):
    """Serves until SIGTERM or SIGINT. It then finishes the running calls and exits with code 0."""

    help = "Serves the wallet over gRPC (proto/wallet/v1/wallet.proto)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--bind", default=settings.GRPC_BIND, help="host:port; port 0 takes a free port")

    def handle(self, *_: Any, bind: str, **__: Any) -> None:
        self.check(tags=[Tags.database], databases=[DEFAULT_DB_ALIAS])
        keys_assert_secret()
        try:
            internal_serve(bind=settings.INTERNAL_BIND)
            asyncio.run(_serve(bind))
        except (BindError, OSError) as error:
            raise CommandError(str(error)) from error


async def _serve(bind: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(bind=bind, stop=stop)
