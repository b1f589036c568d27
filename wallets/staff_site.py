"""The staff's site: Django admin, entered through the same door as every other page."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect


class StaffSite(admin.AdminSite):
    """Django admin behind the site's own sign-in, so that its rate limits and second factor hold for staff too."""

    site_title = "Wallet staff"
    site_header = "Wallet staff"
    index_title = "What to look after"
    enable_nav_sidebar = False  # wide tables need the room

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Sends strangers to the sign-in page; refuses people who are no staff with a 403."""
        response: HttpResponse = secure_admin_login(super().login)(request, extra_context)
        return response

    def password_change(  # type: ignore[override]  # a redirect is a response as well
        self,
        request: HttpRequest,  # noqa: ARG002 - Django's signature
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> HttpResponse:
        """The site's own page, which also ends the API tokens of whoever knew the old password."""
        return redirect("account_change_password")
