"""The gateway: what entry points ask about wallets and money, wherever the books are kept.

Pages and REST call it instead of services and selectors. `settings.GATEWAY` names its class, once for the life of the
process: `transactions.gateway.local.Gateway` calls this process's services and selectors, and
`transactions.gateway.remote.RemoteGateway` calls the wallet service. Code that has rights on the books by nature (the
wallet service itself, tasks, commands, the admin) calls services and selectors.

This half knows about wallets only, so that the entry points of `wallets` can use it. It is the same object as
`transactions.gateway.local.gateway()`.
"""

from collections.abc import Sequence
from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from wallets import selectors, services
from wallets.models import User, Wallet


class WalletGateway:
    """The questions about wallets. Each is the service or selector of the same name, and raises what that raises."""

    wallet_view_prefetch = staticmethod(selectors.wallet_view_prefetch)
    wallet_view_get = staticmethod(selectors.wallet_view_get)
    wallet_view_list = staticmethod(selectors.wallet_view_list)
    wallet_open = staticmethod(services.wallet_open)
    wallet_open_first = staticmethod(services.wallet_open_first)

    @staticmethod
    def wallet_list(*, owner: User) -> Sequence[Wallet]:
        """See `wallets.selectors.wallet_list`. A sequence, because a remote answer is no query."""
        return list(selectors.wallet_list(owner=owner))


@cache
def wallet_gateway() -> WalletGateway:
    """The gateway of this process."""
    chosen: WalletGateway = import_string(settings.GATEWAY)()
    return chosen
