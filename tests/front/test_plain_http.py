"""What the site answers to plain HTTP when it is served through TLS, and what every answer tells browsers."""

import pytest
from django.test import Client
from pytest_django import Settings

from tests.people import PASSWORD
from wallets.models import ApiToken, User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def https(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True


def test_a_browser_is_redirected_to_https(client: Client) -> None:
    response = client.get("/accounts/login/")
    assert response.status_code == 301
    assert response["Location"] == "https://testserver/accounts/login/"


@pytest.mark.parametrize("path", ["/api/v1/me", "/api/v2/transfers", "/api/provider/events", "/api/nothing"])
def test_a_program_is_refused_and_not_redirected(client: Client, path: str) -> None:
    for response in (client.get(path), client.post(path, "{}", content_type="application/json")):
        assert response.status_code == 403
        assert response.json()["code"] == "permission_denied"
        assert "https" in response.json()["detail"]


def test_a_refused_login_issues_no_token(client: Client, alice: User) -> None:
    sent = {"username": "alice", "password": PASSWORD}
    assert client.post("/api/v1/auth/login", sent, content_type="application/json").status_code == 403
    assert not ApiToken.objects.filter(user=alice).exists()
    response = client.post("/api/v1/auth/login", sent, content_type="application/json", secure=True)
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/accounts/login/", "multipart/form-data; boundary=x"),
        ("/api/v1/me", "multipart/form-data; boundary=x"),
        ("/nothing/", "text/plain"),
        ("/api/nothing", "text/plain"),
    ],
)
def test_a_refusal_by_middleware_has_the_content_security_policy_too(
    client: Client, path: str, content_type: str
) -> None:
    response = client.post(path, b"--x--", content_type=content_type, secure=True)
    assert response.status_code in {404, 415}
    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]
    assert response["X-Content-Type-Options"] == "nosniff"
