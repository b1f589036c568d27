"""A client of the API with a token, which sends and receives JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from django.http import HttpResponse
from django.test import Client

from transactions.services import deposit_create
from wallets.models import User, Wallet
from wallets.tokens.services import token_issue


def api_client() -> Client:
    """A client with CSRF checks, as for browsers."""
    return Client(enforce_csrf_checks=True)


@dataclass
class Api:
    """Sends requests under /api/v1, with or without a token."""

    token: str | None = None
    client: Client = field(default_factory=api_client)

    def get(self, path: str, query: Mapping[str, Any] | None = None, **headers: str) -> HttpResponse:
        return cast("HttpResponse", self.client.get(_url(path), query, headers=self._headers(headers)))

    def post(self, path: str, body: object = None, **headers: str) -> HttpResponse:
        text = json.dumps({} if body is None else body)
        return self.send(path, text.encode(), **headers)

    def send(self, path: str, body: bytes, content_type: str = "application/json", **headers: str) -> HttpResponse:
        """Posts exactly these bytes."""
        response = self.client.post(_url(path), body, content_type=content_type, headers=self._headers(headers))
        return cast("HttpResponse", response)

    def other(self, method: str, path: str) -> HttpResponse:
        """Sends a request of any method, without a body."""
        return cast("HttpResponse", self.client.generic(method, _url(path), headers=self._headers({})))

    def _headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return {"Authorization": f"Bearer {self.token}", **named} if self.token else named


@dataclass
class Person:
    """A user with a USD wallet and a signed-in client."""

    user: User
    wallet: Wallet
    api: Api

    @property
    def wallet_path(self) -> str:
        return f"/wallets/{self.wallet.pk}"

    def deposit(self, amount: int) -> None:
        deposit_create(actor=self.user, wallet_id=self.wallet.pk, amount=amount)

    def balance(self) -> int:
        self.wallet.refresh_from_db()
        return self.wallet.balance


def person(user: User) -> Person:
    """A user with a token."""
    _, secret = token_issue(user=user, name="test")
    return Person(user=user, wallet=user.wallets.get(currency="USD"), api=Api(token=secret))


def json_of(response: HttpResponse) -> Any:
    """The JSON body of an answer."""
    assert response["Content-Type"] in {"application/json", "application/problem+json"}, response["Content-Type"]
    return json.loads(response.content)


def assert_problem(response: HttpResponse, code: str, status: int) -> dict[str, Any]:
    """Checks that the answer is a complete problem document with this code, and returns it."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = json.loads(response.content)
    assert body["code"] == code
    assert body["status"] == status
    assert body["type"] == f"/api/errors#{code}"
    assert body["title"]
    assert body["detail"]
    assert isinstance(body["retryable"], bool)
    assert set(body) <= {"type", "title", "status", "detail", "code", "retryable", "errors"}
    return body


def _url(path: str) -> str:
    return path if path.startswith("/api/") else f"/api/v1{path}"
