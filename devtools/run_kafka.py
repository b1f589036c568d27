"""`make kafka`: fetches a Kafka broker, starts it under `.run/kafka`, creates the topics, and stops it with Ctrl-C.

Its data stays until `make reset`. A failure is reported in one or two sentences.
"""

import os
import sys
import time
from contextlib import ExitStack
from typing import NoReturn

from devtools.broker import BrokerPlaces, broker_fetch, broker_is_fetched, broker_server, ports_free
from devtools.folder_lock import FolderTakenError, folder_locked
from devtools.leftovers import leftovers_stop
from devtools.run import RunError, Stopped, signals_stop
from devtools.servers import ServerError
from wallet_project.embedded import PLACES

_WATCH_S = 0.5


def main() -> int:
    signals_stop()
    try:
        _run()
    except Stopped:
        _say("Stopped.")
        return 0
    except FolderTakenError as taken:
        _complain(f"The broker already runs from this folder at {taken.note}. Stop it there first, with Ctrl-C.")
    except (RunError, ServerError) as error:
        _complain(str(error))
    return 1


def _run() -> NoReturn:
    (controller_port,) = ports_free(1)
    places = BrokerPlaces(PLACES.kafka, _port(), controller_port)
    with ExitStack() as stack:
        stack.enter_context(folder_locked(places.root / "lock", note=places.bootstrap))
        if leftovers_stop(places.root):
            _say("Stopped what a killed run had left behind.")
        if not broker_is_fetched():
            _say("Fetching the broker (about 40 MB, only once) …")
        broker_fetch()
        _say("Starting Kafka …")
        server = broker_server(places)
        stack.callback(server.stop)
        server.start()
        _topics_make(places)
        _say(
            f"\n  Kafka is ready: {places.bootstrap}   (Ctrl-C stops it)\n"
            "  In another terminal: TRANSFER_CHANNEL=kafka make run\n"
        )
        while server.is_running():
            time.sleep(_WATCH_S)
    raise RunError(f"Kafka ended by itself. Its log: {server.log}")


def _port() -> int:
    text = os.environ.get("KAFKA_PORT", "9092")
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65_536):
        raise RunError(f"KAFKA_PORT must be a number from 1 to 65535, not {text!r}.")
    return int(text)


def _topics_make(places: BrokerPlaces) -> None:
    os.environ["KAFKA_BOOTSTRAP_SERVERS"] = places.bootstrap
    import django  # noqa: PLC0415 - the settings read the address that was set above
    from django.core.management import CommandError, call_command  # noqa: PLC0415

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wallet_project.settings")
    django.setup()
    try:
        call_command("kafka_topics")
    except CommandError as error:
        raise RunError(str(error)) from error


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command talks


def _complain(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a command talks


if __name__ == "__main__":
    sys.exit(main())
