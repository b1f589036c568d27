"""Which way into the system is open."""

from enum import StrEnum

from django.conf import settings

from wallets.domain.errors import ErrorCode, WalletError


class Funding(StrEnum):
    """The values of `settings.FUNDING`."""

    STAFF = "staff"
    PROVIDER = "provider"
    DEMO = "demo"


#: How deposits are made instead, for someone whose way is closed.
_INSTEAD = {
    Funding.STAFF: "Deposits are entered by our staff.",
    Funding.PROVIDER: "Deposits come through our payment provider.",
    Funding.DEMO: "This site uses demo money, which owners deposit themselves.",
}


def funding_is(mode: Funding) -> bool:
    """Whether this way in is the open one."""
    current: str = settings.FUNDING
    return current == mode


def funding_require(mode: Funding) -> None:
    """Raises FUNDING_CLOSED, saying how deposits are made, unless this way in is the open one."""
    if not funding_is(mode):
        raise WalletError(ErrorCode.FUNDING_CLOSED, _INSTEAD[Funding(settings.FUNDING)])
