"""The gateway of a process whose database holds the books."""

from functools import cache
from typing import cast

from transactions import previews, reads, selectors, services, step_up
from transactions.funding import payouts
from wallets.gateway import WalletGateway, wallet_gateway


class Gateway(WalletGateway):
    """The questions about money, in addition to those about wallets. Each method is the service or selector of the
    same name.

    To add a question, write the service or selector and name it here. For the remote form, add an RPC to
    proto/wallet/internal, its handler to `transactions.rpc.internal` and its call to `transactions.gateway.remote`. A
    test fails if a question has no call.
    """

    deposit_create = staticmethod(services.deposit_create)
    withdrawal_create = staticmethod(services.withdrawal_create)
    transfer_create = staticmethod(services.transfer_create)
    transfer_submit = staticmethod(services.transfer_submit)
    transfers_submit = staticmethod(services.transfers_submit)
    transfer_preview = staticmethod(previews.transfer_preview)
    transaction_prefetch = staticmethod(reads.transaction_prefetch)
    transaction_body = staticmethod(reads.transaction_body)
    transaction_read = staticmethod(reads.transaction_read)
    transaction_list_by_key = staticmethod(selectors.transaction_list_by_key)
    history_page = staticmethod(reads.history_page)
    unposted_read = staticmethod(reads.unposted_read)
    payout_read = staticmethod(payouts.payout_read)
    step_up_reason = staticmethod(step_up.step_up_reason)


@cache
def gateway() -> Gateway:
    """The gateway of this process."""
    return cast("Gateway", wallet_gateway())
