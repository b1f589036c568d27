"""The gateway: the object that entry points ask about wallets and money, whether or not this process keeps the books.

Pages and REST call it instead of services and selectors. `settings.GATEWAY` names its class, once for the life of the
process: `transactions.gateway.local.Gateway` calls this process's services and selectors, and
`transactions.gateway.remote.RemoteGateway` calls the wallet service. Code that always runs with rights on the books
(the wallet service itself, tasks, commands, the admin) calls services and selectors directly.

This class covers wallets only, so that the entry points of `wallets` can use it. `wallet_gateway()` returns the same
object as `transactions.gateway.local.gateway()`.
"""

from collections.abc import Sequence
from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from wallets import selectors, services, spending
from wallets.models import User, Wallet


class WalletGateway:
    """The questions about wallets. Each method is the service or selector of the same name and raises the same
    errors."""

    wallet_view_prefetch = staticmethod(selectors.wallet_view_prefetch)
    wallet_view_get = staticmethod(selectors.wallet_view_get)
    wallet_view_list = staticmethod(selectors.wallet_view_list)
    wallet_open = staticmethod(services.wallet_open)
    wallet_open_first = staticmethod(services.wallet_open_first)
    limits_list = staticmethod(spending.limits_list)
    limits_set = staticmethod(spending.limits_set)
    step_up_set = staticmethod(spending.step_up_set)

    @staticmethod
    def wallet_list(*, owner: User) -> Sequence[Wallet]:
        """See `wallets.selectors.wallet_list`. Returns a sequence, because a remote answer is not a QuerySet."""
        return list(selectors.wallet_list(owner=owner))


@cache
def wallet_gateway() -> WalletGateway:
    """The gateway of this process."""
    chosen: WalletGateway = import_string(settings.GATEWAY)()
    return chosen
