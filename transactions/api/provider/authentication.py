"""Authenticates the payment provider by the signature of its webhook."""

import time

from django.conf import settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from kit.http.webhooks import Webhook, WebhookError, webhook_verify
from transactions.funding.deposits import provider_user
from transactions.funding.mode import Funding, funding_require
from wallets.models import User


class ProviderAuthentication(BaseAuthentication):
    """Standard Webhooks: the caller is the provider if one of FUNDING_WEBHOOK_SECRETS signed the request."""

    def authenticate(self, request: Request) -> tuple[User, None]:
        funding_require(Funding.PROVIDER)
        webhook = Webhook(
            id=request.headers.get("webhook-id", ""),
            timestamp=request.headers.get("webhook-timestamp", ""),
            signatures=request.headers.get("webhook-signature", ""),
            body=request.body,
        )
        try:
            webhook_verify(webhook, secrets=settings.FUNDING_WEBHOOK_SECRETS, now_s=time.time())
        except WebhookError as error:
            raise AuthenticationFailed(str(error)) from error
        return provider_user(), None

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - DRF's signature
        """Without it, DRF would answer 403 instead of 401."""
        return "Webhook"
