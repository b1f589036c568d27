"""Wallets that the wallet service keeps: the WalletBook of a web process that has no rights on them."""

from collections.abc import Sequence
from functools import partial

import structlog
from django.db import transaction

from kit.cache.ahead import Ahead
from transactions.remote.channel import INTERNAL, WALLETS, read_call, write_call
from transactions.remote.messages import head_of, wallet_of
from wallet_proto.internal.v1 import internal_pb2 as internal
from wallet_proto.v1 import wallet_pb2 as pb
from wallets.domain.errors import WalletError
from wallets.models import User, Wallet
from wallets.selectors import WalletHead
from wallets.services import wallet_owe

log = structlog.get_logger(__name__)

#: Nobody who signs up shall wait for long for what comes by itself a little later.
_OWED_TIMEOUT_S = 2.0


class RemoteWalletBook:
    """Each question is a call. Nothing is cached here: the service's own cache is the one that its writers evict."""

    @staticmethod
    def wallet_head_ahead(wallet_id: int) -> Ahead:  # noqa: ARG004 - nothing of the ledger's is looked up here
        return nothing_ahead()

    @staticmethod
    def wallet_head_get(*, owner: User, wallet_id: int, ahead: Ahead | None = None) -> WalletHead:  # noqa: ARG004
        request = pb.GetWalletRequest(wallet_id=str(wallet_id))
        answer = read_call(WALLETS + "GetWallet", request, answer=pb.GetWalletResponse, user_id=owner.pk)
        return head_of(answer.wallet, owner=owner)

    @staticmethod
    def wallet_head_list(*, owner: User) -> list[WalletHead]:
        request = pb.ListWalletsRequest()
        answer = read_call(WALLETS + "ListWallets", request, answer=pb.ListWalletsResponse, user_id=owner.pk)
        return [head_of(wallet, owner=owner) for wallet in answer.wallets]

    @staticmethod
    def wallet_list(*, owner: User) -> Sequence[Wallet]:
        request = internal.ReadWalletsRequest()
        answer = read_call(INTERNAL + "ReadWallets", request, answer=internal.ReadWalletsResponse, user_id=owner.pk)
        return [wallet_of(wallet, owner=owner) for wallet in answer.wallets]

    @staticmethod
    def wallet_open(*, owner: User, currency: str) -> Wallet:
        answer = write_call(
            INTERNAL + "OpenWallet",
            internal.OpenWalletRequest(currency=currency),
            answer=internal.OpenWalletResponse,
            user_id=owner.pk,
            # The second try would say that there is one already, which reads as if nothing had been opened.
            is_repeatable=False,
        )
        return wallet_of(answer.wallet, owner=owner)

    @staticmethod
    def wallet_open_first(*, owner: User) -> None:
        """The service cannot see the account before it is committed. So the commit says that a wallet is owed, and
        the call that opens it follows; where that fails, the sweep (`wallets.tasks`) opens it."""
        wallet_owe(owner=owner)
        transaction.on_commit(partial(_owed_open, owner.pk), robust=True)


def nothing_ahead() -> Ahead:
    """No look at the cache beside the one for who asks."""
    return Ahead(names=[], load=lambda _: {})


def _owed_open(owner_id: int) -> None:
    request = internal.OpenOwedWalletRequest()
    try:
        write_call(
            INTERNAL + "OpenOwedWallet",
            request,
            answer=internal.OpenOwedWalletResponse,
            user_id=owner_id,
            is_repeatable=True,
            timeout_s=_OWED_TIMEOUT_S,
        )
    except WalletError as error:
        log.warning("first_wallet_owed", code=error.code)
