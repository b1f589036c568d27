"""Where a page's messages wait for the next page: in a signed cookie or, if they are long, in the session."""

from typing import Any

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage
from django.http import HttpResponse

from kit.http.cookies import cookie_name


class MessagesCookie(CookieStorage):
    """Django's cookie, with the name and the path that our other cookies have."""

    cookie_name = cookie_name("messages", https=settings.SESSION_COOKIE_SECURE, path=settings.SESSION_COOKIE_PATH)

    def _update_cookie(self, encoded_data: str, response: HttpResponse) -> None:
        path, samesite = settings.SESSION_COOKIE_PATH, settings.SESSION_COOKIE_SAMESITE
        if not encoded_data:
            response.delete_cookie(self.cookie_name, path=path, samesite=samesite)
            return
        response.set_cookie(
            self.cookie_name,
            encoded_data,
            path=path,
            secure=bool(settings.SESSION_COOKIE_SECURE),
            httponly=True,
            samesite=samesite,
        )


class MessageStorage(FallbackStorage):
    storage_classes: Any = (MessagesCookie, SessionStorage)
