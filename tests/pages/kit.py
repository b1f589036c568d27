"""Helpers for tests of pages: read a form as a browser would, fill it in, submit it."""

import html
import time
from html.parser import HTMLParser
from typing import Any

from django.http import HttpResponse
from django.test import Client

from tests.people import PASSWORD
from transactions.recipients import TransferRequest
from transactions.services import deposit_create, transfer_submit
from transactions.settlement.jobs import partitions_due
from transactions.settlement.settle import partition_settle
from wallets.models import User, Wallet

#: The sign of amounts that went out.
MINUS = "\N{MINUS SIGN}"


class _Forms(HTMLParser):
    """Parses the forms of a page, each into the fields that a browser would submit."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name")
        if tag == "form":
            self.forms.append({})
        if tag != "input" or not name or name == "csrfmiddlewaretoken":
            return
        if given.get("type") in {"radio", "checkbox"} and "checked" not in given:
            return
        self.forms[-1][name] = given.get("value") or ""


def text_of(response: Any) -> str:
    return str(response.content.decode())


def forms_of(response: Any) -> list[dict[str, str]]:
    """The fields that a browser would submit for each unchanged form. Leaves out forms with only a button."""
    parser = _Forms()
    parser.feed(text_of(response))
    return [form for form in parser.forms if form]


def fields_of(response: Any) -> dict[str, str]:
    """The fields of the page's first form."""
    forms = forms_of(response)
    return forms[0] if forms else {}


def fill(client: Client, path: str, **entered: str) -> HttpResponse:
    """Opens a form, fills it in and submits it."""
    return send(client, path, fields_of(client.get(path)) | entered)


def send(client: Client, path: str, data: dict[str, str]) -> HttpResponse:
    response: Any = client.post(path, data)
    return response  # type: ignore[no-any-return]


def fresh(client: Client, user: User, *, age_s: float = 0) -> Client:
    """The session of somebody who has entered the password this long ago, as signing in does."""
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time() - age_s}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
    return client


def reauthenticated(client: Client) -> Client:
    """Enters the password again, as the pages for sensitive changes ask."""
    fill(client, "/accounts/reauthenticate/", password=PASSWORD)
    return client


def wallet_of(user: User, currency: str = "USD") -> Wallet:
    return Wallet.objects.get(owner=user, currency=currency)


def balance_of(user: User, currency: str = "USD") -> int:
    return wallet_of(user, currency).balance


def give(user: User, amount: int, currency: str = "USD", memo: str = "") -> None:
    """Deposits this amount, in minor units."""
    deposit_create(actor=user, wallet_id=wallet_of(user, currency).id, amount=amount, memo=memo)


def settle() -> None:
    """Settles all pending transfers in this process, as the workers would."""
    for partition in partitions_due(overdue_s=0):
        partition_settle(partition=partition, time_limit_s=10)


def submitted(alice: User, amount: int = 2_000, memo: str = "Lunch") -> str:
    """The URL of the receipt of a pending transfer from Alice to Bob."""
    request = TransferRequest(source_id=wallet_of(alice).id, recipient="bob", amount=amount, memo=memo)
    return f"/transactions/{transfer_submit(actor=alice, request=request).transaction.pk}/"


def read(client: Client, path: str, **headers: str) -> str:
    """The text of a page, with entities resolved."""
    return html.unescape(text_of(client.get(path, headers=headers)))
