"""What lets people in: API tokens, e-mail addresses, second factors. Their secrets are shown to nobody."""

from typing import Any

# Imported so that these two have registered their models before ours take their place.
import allauth.account.admin
import allauth.mfa.admin  # noqa: F401
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from kit.admin.big_tables import BigTableAdmin, ReadOnlyAdmin
from wallets.admin.people import people_matching
from wallets.models import ApiToken
from wallets.services import token_revoke

admin.site.unregister([EmailAddress, Authenticator])


class OwnedAdmin(BigTableAdmin):
    """Something that belongs to a person and is found by that person's name."""

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
    """Tokens can be revoked. Their secret is nowhere to be read; the digest and the key say nothing to staff."""

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
    """Second factors can be taken away from somebody who lost the phone; what is inside them is not shown."""

    list_display = ("__str__", "user", "type", "created_at", "last_used_at")
    ordering = ("-id",)
    fields = ("user", "type", "created_at", "last_used_at")


@admin.register(EmailAddress)
class EmailAddressAdmin(OwnedAdmin, ReadOnlyAdmin):
    """The addresses that people have proved to be theirs, or not yet."""

    list_display = ("email", "user", "primary", "verified")
    ordering = ("-id",)
