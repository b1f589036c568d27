"""Links and ages for the columns of admin lists."""

from datetime import datetime, timedelta

from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from wallets.models import Wallet

_UNITS = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1)))


def wallet_link(wallet: Wallet | None) -> str:
    """The wallet's owner and currency, as a link to its page. None is the outside world."""
    if wallet is None:
        return "outside world"
    return format_html('<a href="{}">{}</a>', reverse("admin:wallets_wallet_change", args=[wallet.pk]), wallet)


def transaction_link(transaction_id: int) -> str:
    """The transaction's id, as a link to its page."""
    url = reverse("admin:transactions_transaction_change", args=[transaction_id])
    return format_html('<a href="{}">{}</a>', url, transaction_id)


def age(since: datetime | None) -> str:
    """How long ago `since` was, in the largest unit that fits, such as "3 min". A dash if it is None."""
    if since is None:
        return "-"
    passed = max(timezone.now() - since, timedelta())
    for name, unit in _UNITS:
        if passed >= unit:
            return f"{passed // unit} {name}"
    return f"{passed.seconds} s"
