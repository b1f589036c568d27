"""API tokens, email addresses and second factors in the admin. It shows nobody their secrets."""

from typing import Any

# Imported so that both have registered their models before the classes below replace theirs.
import allauth.account.admin
import allauth.mfa.admin  # noqa: F401
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from kit.admin.big_tables import BigTableAdmin, ReadOnlyAdmin
from wallets.admin.people import people_matching, staff_of, user_outranks
from wallets.auth.staff_actions import staff_factor_remove, staff_token_revoke
from wallets.models import ApiToken

admin.site.unregister([EmailAddress, Authenticator])


class OwnedAdmin(BigTableAdmin):
    """An object that belongs to a user and is searched by the user's name or email address."""

    list_select_related = ("user",)
    search_fields = ("user",)
    search_help_text = "Enter the beginning of a username or email."

    def search(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        return queryset.filter(people_matching(term, prefix="user__"))

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody removes their own, which belongs on the account's pages, or that of somebody with more rights."""
        if obj is not None and (obj.user == request.user or not user_outranks(request.user, obj.user)):
            return False
        return super().has_delete_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False


@admin.register(ApiToken)
class ApiTokenAdmin(OwnedAdmin):
    """Staff can revoke tokens. Digest and key are not shown, because they tell staff nothing."""

    list_display = ("__str__", "user", "name", "created", "expiry")
    ordering = ("-created",)
    fields = ("user", "name", "created", "expiry")

    def delete_model(self, request: HttpRequest, obj: ApiToken) -> None:
        staff_token_revoke(actor=staff_of(request), token=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        for token in queryset.select_related("user"):
            self.delete_model(request, token)


@admin.register(Authenticator)
class AuthenticatorAdmin(OwnedAdmin):
    """Staff can remove the second factor of a user who has lost the phone. The factor's data is not shown."""

    list_display = ("__str__", "user", "type", "created_at", "last_used_at")
    ordering = ("-id",)
    fields = ("user", "type", "created_at", "last_used_at")

    def delete_model(self, request: HttpRequest, obj: Authenticator) -> None:
        staff_factor_remove(actor=staff_of(request), factor=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Authenticator]) -> None:
        for factor in queryset.select_related("user"):
            self.delete_model(request, factor)


@admin.register(EmailAddress)
class EmailAddressAdmin(OwnedAdmin, ReadOnlyAdmin):
    """The users' email addresses, verified or not."""

    list_display = ("email", "user", "primary", "verified")
    ordering = ("-id",)
