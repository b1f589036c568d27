"""How much leaves a wallet before its owner must prove who they are, and after a password reset."""

from collections.abc import Mapping, Sequence

from django.core.exceptions import ImproperlyConfigured

from wallet_project.settings.base import env
from wallets.domain.currencies import CURRENCIES
from wallets.domain.spending import LIMIT_MAX

_AMOUNT = r"([A-Z]{3}=)?[0-9]{1,12}"
_ALLOWED = "amounts in whole units, one for all currencies first and then those of single ones, such as 250,JPY=40000"


def _amounts(name: str, items: Sequence[str]) -> Mapping[str, int]:
    """Minor units by currency."""
    general, *own = items
    pairs = dict(item.split("=") for item in own if "=" in item)
    if "=" in general or len(pairs) < len(own) or not pairs.keys() <= CURRENCIES.keys():
        raise ImproperlyConfigured(f"{name} is {','.join(items)!r}. It must be a list of {_ALLOWED}.")
    amounts = {code: int(pairs.get(code, general)) * 10**currency.exponent for code, currency in CURRENCIES.items()}
    if max(amounts.values()) > LIMIT_MAX:
        raise ImproperlyConfigured(f"{name} contains an amount that no payment can reach.")
    return amounts


# What may leave each wallet per day for 24 hours after its owner's password was reset by mail, in whole units of the
# currency: whoever reads the owner's mail could reset it, and the owner needs time to notice. A week's groceries.
RESET_DAY_LIMITS = _amounts(
    "RESET_DAY_LIMITS",
    env.list(
        "RESET_DAY_LIMITS",
        default=["250", "JPY=40000", "KRW=350000", "VND=6000000", "IDR=4000000", "CLP=250000", "COP=1000000",
                 "HUF=100000", "INR=20000", "BHD=100", "KWD=75", "OMR=100"],
        item=_AMOUNT,
        allowed=_ALLOWED,
    ),
)  # fmt: skip
# Larger payments in a browser ask for the password or second factor again, in whole units of the currency. Its owner
# can choose another amount for each wallet. Below it, an unattended browser costs at most what a day out does.
STEP_UP_AMOUNTS = _amounts(
    "STEP_UP_AMOUNTS",
    env.list(
        "STEP_UP_AMOUNTS",
        default=["100", "JPY=15000", "KRW=150000", "VND=2500000", "IDR=1500000", "CLP=100000", "COP=400000",
                 "HUF=40000", "INR=8000", "BHD=40", "KWD=30", "OMR=40"],
        item=_AMOUNT,
        allowed=_ALLOWED,
    ),
)  # fmt: skip
# Seconds for which whoever has just entered the password or second factor need not do so again, for payments and for
# changes of how the account is protected. Five minutes: enough to finish what one came for, too short for a browser
# that was left alone.
STEP_UP_FRESH_S = env.int("STEP_UP_FRESH_S", default=300, minimum=30, maximum=3_600)
ACCOUNT_REAUTHENTICATION_TIMEOUT = STEP_UP_FRESH_S
