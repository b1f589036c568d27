"""API tokens, email addresses and second factors in the admin. It shows nobody their secrets."""

from typing import Any

# Imported so that both have registered their models before the classes below replace theirs.
import allauth.account.admin
import allauth.mfa.admin  # noqa: F401
from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from kit.admin.big_tables import BigTableAdmin, ReadOnlyAdmin
from wallets.admin.people import people_matching
from wallets.models import ApiToken
from wallets.services import token_revoke

# Nobody sees the links that confirm an address: whoever has one can use it.
admin.site.unregister([EmailAddress, EmailConfirmation, Authenticator])


class OwnedAdmin(BigTableAdmin):
    """An object that belongs to a user and is searched by the user's name or email address."""

    list_select_related = ("user",)
    search_fields = ("user",)
    search_help_text = "Enter the beginning of a username or email."

    def search(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        return queryset.filter(people_matching(term, prefix="user__"))

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False


@admin.register(ApiToken)
class ApiTokenAdmin(OwnedAdmin):
    """Staff can revoke tokens. Digest and key are not shown, because they tell staff nothing."""

    list_display = ("__str__", "user", "name", "created", "expiry")
    ordering = ("-created",)
    fields = ("user", "name", "created", "expiry")

    def delete_model(self, request: HttpRequest, obj: ApiToken) -> None:  # noqa: ARG002
        token_revoke(user=obj.user, digest=obj.digest)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        for token in queryset.select_related("user"):
            self.delete_model(request, token)


@admin.register(Authenticator)
class AuthenticatorAdmin(OwnedAdmin):
    """Staff can remove the second factor of a user who has lost the phone. The factor's data is not shown."""

    list_display = ("__str__", "user", "type", "created_at", "last_used_at")
    ordering = ("-id",)
    fields = ("user", "type", "created_at", "last_used_at")


@admin.register(EmailAddress)
class EmailAddressAdmin(OwnedAdmin, ReadOnlyAdmin):
    """The users' email addresses, verified or not."""

    list_display = ("email", "user", "primary", "verified")
    ordering = ("-id",)
