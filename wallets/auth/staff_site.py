"""The staff's site: Django admin, entered through the same door as every other page."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect


class StaffSite(admin.AdminSite):
    """Django admin behind the site's own sign-in, so that its rate limits and second factor hold for staff too.

    Where the books are kept by the wallet service, this process has no rights on them, and shows people only.
    """

    site_title = "Wallet staff"
    site_header = "Wallet staff"
    index_title = (
        "Accounts only: manage wallets, transactions and jobs in the admin of the wallet service"
        if settings.WALLET_SERVICE
        else "Administration"
    )
    enable_nav_sidebar = False  # wide tables need the room

    def register(self, model_or_iterable: Any, *args: Any, **options: Any) -> None:
        """Leaves out what this process could not read."""
        models = [model_or_iterable] if isinstance(model_or_iterable, type) else list(model_or_iterable)
        super().register([model for model in models if _is_readable(model)], *args, **options)

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


def _is_readable(model: type[Model]) -> bool:
    of_the_books = model._meta.app_label == "transactions" or model.__name__ in {"Wallet", "WalletStatusEvent"}  # noqa: SLF001
    return not (settings.WALLET_SERVICE and of_the_books)
