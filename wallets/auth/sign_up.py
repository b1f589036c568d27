"""Sign-up for REST. The sign-up page does the same through allauth."""

from allauth.account.models import EmailAddress
from django.db import transaction
from django.http import HttpRequest

from wallets.gateway import wallet_gateway
from wallets.models import User
from wallets.services import user_register


def account_register(*, request: HttpRequest, username: str, email: str, password: str) -> User:
    """Creates an account and mails the link that confirms its address. Raises MALFORMED, as `user_register` does."""
    with transaction.atomic():
        user = user_register(
            username=username, email=email, password=password, wallet_open_first=wallet_gateway().wallet_open_first
        )
        EmailAddress.objects.get(user=user).send_confirmation(request, signup=True)
    return user
