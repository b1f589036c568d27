"""People who send money round and round, as fast as they are answered."""

import threading

from django.db import connections

from tests.kafka.sending import submit_many
from transactions.models import Transaction
from wallets.models import Wallet

_LIST = 20


class Load:
    """One thread for each wallet, which sends to the next one. `stop` fails if any was not accepted."""

    def __init__(self, wallets: list[Wallet]) -> None:
        self.accepted: dict[int, list[Transaction]] = {wallet.id: [] for wallet in wallets}
        self._failures: list[BaseException] = []
        self._over = threading.Event()
        pairs = zip(wallets, [*wallets[1:], wallets[0]], strict=True)
        self._threads = [threading.Thread(target=self._send, args=pair) for pair in pairs]

    @property
    def everything(self) -> list[Transaction]:
        return [transfer for transfers in self.accepted.values() for transfer in list(transfers)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> list[Transaction]:
        """All that was accepted."""
        self._over.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()
        assert not self._failures, self._failures
        return self.everything

    def _send(self, source: Wallet, destination: Wallet) -> None:
        try:
            while not self._over.is_set():
                self.accepted[source.id] += submit_many(source, destination, _LIST)
                # The settlers share the machine.
                self._over.wait(0.05)
        except BaseException as error:  # noqa: BLE001 - `stop` reports it
            self._failures.append(error)
        finally:
            connections.close_all()
