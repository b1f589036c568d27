"""The time zone of the reader: whatever name a browser sends, old ones included, on any system."""

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from kit.http.pages import TimeZoneMiddleware
from tests.wallet_project.test_checks import python

OLD_NAMES = ["US/Pacific", "Asia/Calcutta", "Asia/Saigon", "Europe/Kiev", "America/Buenos_Aires", "Etc/GMT+5"]
_SHOW = """
import django
django.setup()
from tests.pages.test_time_zones import OLD_NAMES, zone_for
print([zone_for(name) for name in OLD_NAMES])
"""


def zone_for(cookie: str) -> str:
    """The name of the zone in which a page is shown to a browser with this cookie."""
    shown = []

    def view(_: HttpRequest) -> HttpResponse:
        shown.append(str(timezone.get_current_timezone()))
        return HttpResponse()

    request = HttpRequest()
    request.COOKIES[settings.TIMEZONE_COOKIE_NAME] = cookie
    TimeZoneMiddleware(view)(request)
    return shown[0]


@pytest.mark.parametrize("name", OLD_NAMES)
def test_an_old_name_is_understood(name: str) -> None:
    assert zone_for(name) == name


def test_old_names_are_understood_on_a_system_without_time_zones() -> None:
    """Small images have none, and Debian keeps the old names in a package of their own."""
    shown = python("-c", _SHOW, PYTHONTZPATH="/nowhere", DJANGO_SETTINGS_MODULE="tests.settings")

    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.strip() == str(OLD_NAMES)


@pytest.mark.parametrize(
    "cookie",
    ["", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "localtime", "posix/UTC", "Europe", "a\0b", "é" * 5_000],
)
def test_what_is_no_zone_is_shown_in_utc(cookie: str) -> None:
    assert zone_for(cookie) == "UTC"
