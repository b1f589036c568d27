"""Who pays over REST: a browser is stepped up, a program with a bearer token is not."""

from transactions.spender import Spender
from wallets.api.base import ApiView
from wallets.auth.access import Bearer


def spender(view: ApiView) -> Spender:
    """The caller of this view. Whoever does not show a bearer token has a browser's session."""
    request = view.request
    session = None if isinstance(request.auth, Bearer) else request._request  # noqa: SLF001 - the session is Django's
    return Spender(actor=view.user, session=session, mandate=view.mandate)
