"""The admin site for staff, with the same sign-in as all other pages."""

from functools import wraps
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.decorators import secure_admin_login
from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.views import redirect_to_login
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from wallets.auth.passkeys.site import passkey_site
from wallets.auth.staff.rights import staff_refresh

#: What allauth calls a second factor in its record of how a session was opened.
_SECOND_FACTOR = "mfa"


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

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:  # noqa: FBT001, FBT002 - Django's signature
        """Requires a second factor beyond Django's own checks: staff without one enrol before anything else."""
        checked = super().admin_view(view, cacheable)

        @wraps(view)
        def with_second_factor(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            step = second_factor_step(request) if self.has_permission(request) else None
            return step or checked(request, *args, **kwargs)

        return with_second_factor

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether this is an active member of staff. Decided from Postgres: neither the session nor the user of a
        request to the admin comes from Redis."""
        staff_refresh(request)
        return super().has_permission(request)

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


def second_factor_step(request: HttpRequest) -> HttpResponse | None:
    """Where a member of staff has to go first; None if this session was opened with the second factor.

    A session from before the factor was set up does not count, even though its user has a factor now: it may be
    somebody else's.
    """
    # First what the session knows, so that a page of the admin makes no query for this.
    if any(record.get("method") == _SECOND_FACTOR for record in get_authentication_records(request, request.user)):
        return None
    if not is_mfa_enabled(request.user):
        messages.info(request, "Staff need a second factor. Set it up to continue.")
        site = passkey_site()
        # The page that offers both, where there is a choice.
        return redirect("mfa_index" if site is not None and site.is_at(request) else "mfa_activate_totp")
    default, *_ = get_adapter().get_reauthentication_methods(request.user)
    return redirect_to_login(request.get_full_path(), default["url"])


def _is_managed_here(model: type[Model]) -> bool:
    # Mails are managed where they are sent, not where they are queued.
    of_the_service = model._meta.app_label in {"transactions", "notifications"} or model.__name__ in {  # noqa: SLF001
        "Group",
        "Wallet",
        "WalletStatusEvent",
    }
    return not (settings.WALLET_SERVICE and of_the_service)
