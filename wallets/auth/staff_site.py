"""The admin site for staff, with the same sign-in as all other pages."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect


class StaffSite(admin.AdminSite):
    """Django admin with the site's own sign-in, so that its rate limits and second factor apply to staff as well.

    If the wallet service keeps the books, this process has no rights on them, nor on who is staff, and the site shows
    only users.
    """

    site_title = "Wallet staff"
    site_header = "Wallet staff"
    index_title = (
        "Accounts only: manage wallets, transactions, jobs and rights in the admin of the wallet service"
        if settings.WALLET_SERVICE
        else "Administration"
    )
    enable_nav_sidebar = False  # leaves room for wide tables

    def register(self, model_or_iterable: Any, *args: Any, **options: Any) -> None:
        """Skips models that this process may not read, and groups, which it may not change."""
        models = [model_or_iterable] if isinstance(model_or_iterable, type) else list(model_or_iterable)
        super().register([model for model in models if _is_managed_here(model)], *args, **options)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Redirects anonymous visitors to the sign-in page. Refuses users who are not staff with a 403."""
        response: HttpResponse = secure_admin_login(super().login)(request, extra_context)
        return response

    def password_change(  # type: ignore[override]  # a redirect is a response as well
        self,
        request: HttpRequest,  # noqa: ARG002 - Django's signature
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> HttpResponse:
        """Redirects to the site's own page, which also ends all API tokens of the account."""
        return redirect("account_change_password")


def _is_managed_here(model: type[Model]) -> bool:
    of_the_service = model._meta.app_label == "transactions" or model.__name__ in {  # noqa: SLF001
        "Group",
        "Wallet",
        "WalletStatusEvent",
    }
    return not (settings.WALLET_SERVICE and of_the_service)
