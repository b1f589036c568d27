"""The names and paths of cookies, and of everything else that depends on HTTPS and the path prefix."""

import json
import os
import subprocess
import sys

import pytest
from django.test import Client

from kit.http.cookies import cookie_name
from tests.people import PASSWORD
from wallet_project.embedded import BASE_DIR
from wallets.models import User

_SHOW = """
import json
import django
django.setup()
from django.conf import settings
from kit.http.messages import MessagesCookie
names = ["SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "SESSION_COOKIE_PATH", "CSRF_COOKIE_PATH", "STATIC_URL",
         "TIMEZONE_COOKIE_NAME"]
print(json.dumps([*(getattr(settings, name) for name in names), MessagesCookie.cookie_name]))
"""


def shown(**environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", _SHOW], cwd=BASE_DIR, env=os.environ | environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    values: list[str] = json.loads(done.stdout)
    return values


def test_cookies_get_the_strongest_prefix_that_is_possible() -> None:
    assert cookie_name("a", https=False, path="/") == "a"
    assert cookie_name("a", https=True, path="/") == "__Host-a"
    assert cookie_name("a", https=True, path="/wallet") == "__Secure-a"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ["sessionid", "csrftoken", "/", "/", "/static/", "timezone", "messages"]),
        (
            {"HTTPS": "1"},
            ["__Host-sessionid", "__Host-csrftoken", "/", "/", "/static/", "__Host-timezone", "__Host-messages"],
        ),
        (
            {"HTTPS": "1", "SCRIPT_NAME": "/wallet"},
            [
                *("__Secure-sessionid", "__Secure-csrftoken", "/wallet", "/wallet", "/wallet/static/"),
                *("__Secure-timezone", "__Secure-messages"),
            ],
        ),
    ],
)
def test_https_and_the_path_prefix_decide(environment: dict[str, str], expected: list[str]) -> None:
    assert shown(DJANGO_SETTINGS_MODULE="wallet_project.settings", **environment) == expected


@pytest.mark.slow
@pytest.mark.parametrize("prefix", ["wallet", "/wallet/", "//", "/", "/a b", "/a/../b?"])
def test_a_malformed_path_prefix_is_refused(prefix: str) -> None:
    with pytest.raises(AssertionError, match="SCRIPT_NAME must begin with a slash"):
        shown(DJANGO_SETTINGS_MODULE="wallet_project.settings", SCRIPT_NAME=prefix)


@pytest.mark.django_db
def test_a_message_is_shown_once_and_its_cookie_deleted_where_it_was_set(client: Client, alice: User) -> None:
    signed_in = client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    assert signed_in.status_code == 302
    signed_out = client.post("/accounts/logout/")
    assert signed_out.cookies["messages"]["path"] == "/"
    shown_once = client.get("/accounts/login/")
    assert "You have" in shown_once.content.decode() or "logged out" in shown_once.content.decode()
    assert shown_once.cookies["messages"].value == ""
    assert shown_once.cookies["messages"]["path"] == "/"
