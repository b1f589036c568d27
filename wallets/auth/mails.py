"""Mails about accounts: where their links lead, and how long they are worth sending."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

#: Nobody waits for these longer than that, and a link that resets a password should not lie in a queue for days.
_VALID_FOR = {
    "account/email/password_reset_key": timedelta(hours=1),
    "account/email/unknown_account": timedelta(hours=1),
}


def mail_valid_for(template_prefix: str) -> timedelta:
    """How long a mail made from these templates is worth sending."""
    return _VALID_FOR.get(template_prefix, timedelta(seconds=settings.MAIL_VALID_S))


def mail_context(context: Mapping[str, Any], *, email: str) -> dict[str, Any]:
    """What the templates of a mail show. Every value named `…_url` leads to SITE_URL.

    allauth builds links from the request, and a stranger may choose the host that a request names.
    """
    host = urlsplit(settings.SITE_URL).netloc
    links = {name: _on_this_site(value) for name, value in context.items() if name.endswith("_url")}
    site = {"domain": host, "name": host}
    return {"email": email, "current_site": site, **context, **links}


def _on_this_site(url: str) -> str:
    site = urlsplit(settings.SITE_URL)
    return urlsplit(url)._replace(scheme=site.scheme, netloc=site.netloc).geturl()
