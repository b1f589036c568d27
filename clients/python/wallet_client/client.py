"""`WalletClient`: the calls of the wallet's gRPC service."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from types import TracebackType
from typing import Self, TypeVar

from google.protobuf.message import Message

from wallet_client import requests
from wallet_client.errors import WalletError
from wallet_client.requests import Direction, Kind
from wallet_client.transport import Transport, pause
from wallet_client.types import (
    Entry,
    Money,
    NewTransfer,
    Page,
    Receipt,
    Transaction,
    Wallet,
    key_make,
)
from wallet_proto.v1 import wallet_pb2 as pb

A = TypeVar("A", bound=Message)

_PAGE_LIMIT = 100
_SETTLED_POLL_S = 0.2


class WalletClient:
    """Calls the wallet service at `target` ("host:port") as the owner of the token.

    A client can be used by several threads, but not by a process that was forked after the first call. All methods
    raise WalletError. `timeout_s`, in seconds, limits all attempts of a call together.

    `tls`: True verifies the server's certificate with the system's authorities; bytes are the authorities' certificates
    in PEM; False sends everything, including the token, in plain text.
    """

    def __init__(self, target: str, token: str, *, tls: bool | bytes = True, timeout_s: float = 30.0) -> None:
        self._transport = Transport(target, token, tls=tls)
        self._timeout_s = timeout_s

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection. Running calls end with a WalletError."""
        self._transport.close()

    def wallet(self, wallet_id: str, *, timeout_s: float | None = None) -> Wallet:
        """The wallet with this id."""
        request = pb.GetWalletRequest(wallet_id=wallet_id)
        return Wallet.from_message(self._call("GetWallet", request, pb.GetWalletResponse, timeout_s).wallet)

    def wallets(self, *, timeout_s: float | None = None) -> list[Wallet]:
        """All wallets of the user, oldest first."""
        answer = self._call("ListWallets", pb.ListWalletsRequest(), pb.ListWalletsResponse, timeout_s)
        return [Wallet.from_message(wallet) for wallet in answer.wallets]

    def deposit(
        self,
        wallet_id: str,
        amount: Money,
        *,
        memo: str = "",
        idempotency_key: str | None = None,
        timeout_s: float | None = None,
    ) -> Receipt:
        """Deposits money from the outside world into a wallet."""
        request = requests.movement_message(
            pb.DepositRequest, wallet_id=wallet_id, amount=amount, memo=memo, idempotency_key=idempotency_key
        )
        return requests.receipt_of(self._call("Deposit", request, pb.DepositResponse, timeout_s))

    def withdraw(
        self,
        wallet_id: str,
        amount: Money,
        *,
        memo: str = "",
        idempotency_key: str | None = None,
        timeout_s: float | None = None,
    ) -> Receipt:
        """Withdraws money from a wallet to the outside world."""
        request = requests.movement_message(
            pb.WithdrawRequest, wallet_id=wallet_id, amount=amount, memo=memo, idempotency_key=idempotency_key
        )
        return requests.receipt_of(self._call("Withdraw", request, pb.WithdrawResponse, timeout_s))

    def transfer(
        self,
        source: str,
        amount: Money,
        *,
        recipient: str | None = None,
        destination: str | None = None,
        memo: str = "",
        idempotency_key: str | None = None,
        timeout_s: float | None = None,
    ) -> Receipt:
        """Sends money to a `recipient` (a username or email) or to a `destination` (a wallet id), and returns when it
        is posted."""
        transfer = NewTransfer(
            source=source,
            amount=amount,
            recipient=recipient,
            destination=destination,
            memo=memo,
            idempotency_key=key_make() if idempotency_key is None else idempotency_key,
        )
        request = requests.transfer_message(pb.TransferRequest, transfer)
        return requests.receipt_of(self._call("Transfer", request, pb.TransferResponse, timeout_s))

    def submit_transfer(self, transfer: NewTransfer, *, timeout_s: float | None = None) -> Receipt:
        """Submits a transfer and returns its pending transaction. `wait_until_settled` waits for the outcome."""
        request = requests.transfer_message(pb.SubmitTransferRequest, transfer)
        return requests.receipt_of(self._call("SubmitTransfer", request, pb.SubmitTransferResponse, timeout_s))

    def submit_transfers(
        self, transfers: Sequence[NewTransfer], *, timeout_s: float | None = None
    ) -> list[Receipt | WalletError]:
        """Submits up to 1000 transfers. Returns one answer per transfer, in order.

        A refused transfer does not affect the others. Raises WalletError without sending anything if a transfer has
        both a recipient and a destination, or neither.
        """
        items = [requests.transfer_message(pb.TransferItem, transfer) for transfer in transfers]
        request = pb.SubmitTransfersRequest(transfers=items)
        answer = self._call("SubmitTransfers", request, pb.SubmitTransfersResponse, timeout_s)
        return list(map(requests.result_of, answer.results))

    def transaction(self, transaction_id: str, *, timeout_s: float | None = None) -> Transaction:
        """The transaction with this id, if one of its sides is a wallet of the user."""
        request = pb.GetTransactionRequest(transaction_id=transaction_id)
        answer = self._call("GetTransaction", request, pb.GetTransactionResponse, timeout_s)
        return Transaction.from_message(answer.transaction)

    def transaction_by_key(self, idempotency_key: str, *, timeout_s: float | None = None) -> Transaction:
        """The transaction of the user's request with this key. Raises "not_found" if there was none."""
        request = pb.GetTransactionRequest(idempotency_key=idempotency_key)
        answer = self._call("GetTransaction", request, pb.GetTransactionResponse, timeout_s)
        return Transaction.from_message(answer.transaction)

    def wait_until_settled(self, transaction_id: str, *, timeout_s: float | None = None) -> Transaction:
        """The transaction, when it is posted or failed. Raises "deadline_exceeded" if that takes too long."""
        deadline_s = time.monotonic() + (self._timeout_s if timeout_s is None else timeout_s)
        while True:
            found = self.transaction(transaction_id, timeout_s=max(0.001, deadline_s - time.monotonic()))
            if found.settled_at is not None:
                return found
            if time.monotonic() + _SETTLED_POLL_S >= deadline_s:
                raise WalletError("deadline_exceeded", "The transfer is still pending.", retryable=True)
            time.sleep(_SETTLED_POLL_S)

    def entries(
        self,
        wallet_id: str,
        *,
        kind: Kind | None = None,
        direction: Direction | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[Entry]:
        """Yields a wallet's entries, newest first, each once. It fetches one page at a time.

        For the filters see `entries_page`.
        """
        cursor: str | None = None
        while True:
            page = self.entries_page(
                wallet_id, cursor=cursor, limit=_PAGE_LIMIT, kind=kind, direction=direction, since=since, until=until
            )
            yield from page.entries
            cursor = page.next_cursor
            if cursor is None:
                return

    def entries_page(
        self,
        wallet_id: str,
        *,
        cursor: str | None = None,
        limit: int = 0,
        kind: Kind | None = None,
        direction: Direction | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        timeout_s: float | None = None,
    ) -> Page:
        """One page of a wallet's entries, newest first.

        It can be limited to one `kind`, to one `direction` ("in" or "out"), and to entries from `since` (included) to
        `until` (excluded). `limit` is 1 to 100; 0 means 30.
        """
        request = requests.entries_request(
            wallet_id=wallet_id,
            cursor=cursor,
            limit=limit,
            kind=kind,
            direction=direction,
            since=since,
            until=until,
        )
        return Page.from_message(self._call("ListEntries", request, pb.ListEntriesResponse, timeout_s))

    def watch(self, wallet_id: str) -> Iterator[Wallet]:
        """Yields the wallet now, and again after each change. It reconnects when the server restarts.

        It ends only with a WalletError, for example if the token expires.
        """
        request = pb.WatchWalletRequest(wallet_id=wallet_id)
        last: Wallet | None = None
        attempt = 0
        while True:
            try:
                # `closing` ends the call when the caller stops iterating.
                with closing(self._transport.stream("WatchWallet", request, pb.WatchWalletResponse)) as answers:
                    for answer in answers:
                        attempt = 0
                        wallet = Wallet.from_message(answer.wallet)
                        if wallet != last:
                            last = wallet
                            yield wallet
                # The server never ends the stream without an error; a proxy does.
                ended = WalletError("unavailable", "The stream has ended.", retryable=True)
            except WalletError as error:
                if self._transport.is_closed or not error.is_worth_repeating:
                    raise
                ended = error
            attempt += 1
            time.sleep(pause(attempt, ended))

    def _call(self, method: str, request: Message, answer: type[A], timeout_s: float | None) -> A:
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        return self._transport.call(method, request, answer, timeout_s=limit_s)
