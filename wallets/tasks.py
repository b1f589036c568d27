"""Housekeeping by Celery: what has expired is swept away."""

from importlib import import_module

from celery import shared_task
from django.conf import settings

from wallets.services import tokens_delete_expired


@shared_task
def sessions_delete_expired() -> None:
    """Deletes the browser sessions that have run out."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()


@shared_task
def api_tokens_delete_expired() -> None:
    """Deletes the API tokens that have run out."""
    tokens_delete_expired()
