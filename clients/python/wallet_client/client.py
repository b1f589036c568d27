"""The wallet, as one person's programs see it."""

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
    page_of,
    transaction_of,
    wallet_of,
)
from wallet_proto.v1 import wallet_pb2 as pb

A = TypeVar("A", bound=Message)

_PAGE_LIMIT = 100
_SETTLED_POLL_S = 0.2


class WalletClient:
    """Calls of whoever the token belongs to. Safe for threads; not for processes that are forked off after the first
    call. Every method raises WalletError, and takes `timeout_s` at the most, all attempts together.

    `tls`: True checks the server by the system's authorities, bytes (PEM) by these; False sends the token, and all
    else, in plain text.
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
        """Ends the connection, and every call that is under way."""
        self._transport.close()

    def wallet(self, wallet_id: str, *, timeout_s: float | None = None) -> Wallet:
        """One wallet and its balance."""
        request = pb.GetWalletRequest(wallet_id=wallet_id)
        return wallet_of(self._call("GetWallet", request, pb.GetWalletResponse, timeout_s).wallet)

    def wallets(self, *, timeout_s: float | None = None) -> list[Wallet]:
        """All wallets, oldest first."""
        answer = self._call("ListWallets", pb.ListWalletsRequest(), pb.ListWalletsResponse, timeout_s)
        return [wallet_of(wallet) for wallet in answer.wallets]

    def deposit(
        self,
        wallet_id: str,
        amount: Money,
        *,
        memo: str = "",
        idempotency_key: str | None = None,
        timeout_s: float | None = None,
    ) -> Receipt:
        """Adds money from outside."""
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
        """Takes money out."""
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
        """Sends money to a `recipient` (a username or an e-mail address) or to a `destination` (a wallet's id), and
        waits until it is there."""
        wanted = NewTransfer(
            source=source,
            amount=amount,
            recipient=recipient,
            destination=destination,
            memo=memo,
            idempotency_key=key_make() if idempotency_key is None else idempotency_key,
        )
        request = requests.transfer_message(pb.TransferRequest, wanted)
        return requests.receipt_of(self._call("Transfer", request, pb.TransferResponse, timeout_s))

    def submit_transfer(self, transfer: NewTransfer, *, timeout_s: float | None = None) -> Receipt:
        """Hands a transfer in and goes on; it ends posted, or failed with a reason. See `wait_until_settled`."""
        request = requests.transfer_message(pb.SubmitTransferRequest, transfer)
        return requests.receipt_of(self._call("SubmitTransfer", request, pb.SubmitTransferResponse, timeout_s))

    def submit_transfers(
        self, transfers: Sequence[NewTransfer], *, timeout_s: float | None = None
    ) -> list[Receipt | WalletError]:
        """Hands up to 1000 in; one answer for each, in order. One that is refused harms no other; where one names two
        receivers or none, that is raised and nothing is sent."""
        items = [requests.transfer_message(pb.TransferItem, transfer) for transfer in transfers]
        request = pb.SubmitTransfersRequest(transfers=items)
        answer = self._call("SubmitTransfers", request, pb.SubmitTransfersResponse, timeout_s)
        return list(map(requests.result_of, answer.results))

    def transaction(self, transaction_id: str, *, timeout_s: float | None = None) -> Transaction:
        """A transaction of which one side is yours."""
        request = pb.GetTransactionRequest(transaction_id=transaction_id)
        return transaction_of(self._call("GetTransaction", request, pb.GetTransactionResponse, timeout_s).transaction)

    def transaction_by_key(self, idempotency_key: str, *, timeout_s: float | None = None) -> Transaction:
        """What a request of yours under this key has made; the code is "not_found" where there was none."""
        request = pb.GetTransactionRequest(idempotency_key=idempotency_key)
        return transaction_of(self._call("GetTransaction", request, pb.GetTransactionResponse, timeout_s).transaction)

    def wait_until_settled(self, transaction_id: str, *, timeout_s: float | None = None) -> Transaction:
        """The transaction when it is posted or failed. Raises "deadline_exceeded" where that takes too long."""
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
        """A wallet's history, newest first, page by page as it is asked for; each entry once."""
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
        """One page of it; of one `kind` and one `direction` ("in" or "out"), from `since` on, before `until`."""
        request = requests.entries_request(
            wallet_id=wallet_id,
            cursor=cursor,
            limit=limit,
            kind=kind,
            direction=direction,
            since=since,
            until=until,
        )
        return page_of(self._call("ListEntries", request, pb.ListEntriesResponse, timeout_s))

    def watch(self, wallet_id: str) -> Iterator[Wallet]:
        """The wallet as it is, and again each time that it has changed; for ever, across restarts of the server. Ends
        with WalletError when the token does."""
        request = pb.WatchWalletRequest(wallet_id=wallet_id)
        last: Wallet | None = None
        attempt = 0
        while True:
            try:
                # Closed with this iterator, or whoever stops looking would go on watching.
                with closing(self._transport.stream("WatchWallet", request, pb.WatchWalletResponse)) as answers:
                    for answer in answers:
                        attempt = 0
                        wallet = wallet_of(answer.wallet)
                        if wallet != last:
                            last = wallet
                            yield wallet
                # Only a proxy ends it so.
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
