"""Mails to the owner of an account about what happened to it. Each has a link that locks the account."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.core import context

from wallets.models import User


def notice_send(*, user: User, name: str, **words: Any) -> None:
    """Sends the mail `templates/account/email/<name>_…`. Outside a request it sends none: whoever runs a command on an
    account tells the owner."""
    if context.request is not None:
        get_adapter().send_notification_mail(f"account/email/{name}", user, words)
