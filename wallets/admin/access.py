"""API tokens, email addresses and second factors in the admin. It shows nobody their secrets."""

from collections.abc import Iterator
from typing import Any

# Imported so that both have registered their models before the classes below replace theirs.
import allauth.account.admin
import allauth.mfa.admin  # noqa: F401
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from kit.admin.big_tables import BigTableAdmin, ReadOnlyAdmin
from wallets.admin.people import people_matching, staff_of, user_outranks
from wallets.admin.reasons import ReasonActionForm, reason_given
from wallets.auth.staff.actions import staff_factor_remove, staff_token_revoke
from wallets.models import ApiToken

# Nobody sees the links that confirm an address: whoever has one can use it.
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

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Django's own pages would delete without a reason."""
        return False


class RemovableAdmin(OwnedAdmin):
    """An object that staff may take from its owner, for a reason. Nobody takes their own, which belongs on the
    account's pages, or that of somebody with more rights."""

    action_form = ReasonActionForm

    def has_remove_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.delete_{self.opts.model_name}")

    def each_removable(self, request: HttpRequest, queryset: QuerySet[Any]) -> Iterator[tuple[Any, str]]:
        """The selected objects that this member of staff may remove, each with the reason. Says which are left."""
        reason = reason_given(self, request)
        for one in queryset.select_related("user") if reason else ():
            if one.user == request.user or not user_outranks(request.user, one.user):
                self.message_user(request, f"Left alone: {one}. It is not yours to remove.", messages.ERROR)
                continue
            yield one, reason
            self.message_user(request, f"Removed: {one}.", messages.SUCCESS)


@admin.register(ApiToken)
class ApiTokenAdmin(RemovableAdmin):
    """Staff can revoke tokens. Digest and key are not shown, because they tell staff nothing."""

    list_display = ("__str__", "user", "name", "scopes", "created", "last_used_at", "expiry")
    ordering = ("-created",)
    fields = ("user", "name", "scopes", "created", "last_used_at", "last_used_from", "expiry")
    actions = ("revoke",)

    @admin.action(description="Revoke selected tokens", permissions=["remove"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        for token, reason in self.each_removable(request, queryset):
            staff_token_revoke(actor=staff_of(request), token=token, reason=reason)


@admin.register(Authenticator)
class AuthenticatorAdmin(RemovableAdmin):
    """Staff can remove the second factor of a user who has lost the phone. The factor's data is not shown."""

    list_display = ("__str__", "user", "type", "created_at", "last_used_at")
    ordering = ("-id",)
    fields = ("user", "type", "created_at", "last_used_at")
    actions = ("remove",)

    @admin.action(description="Remove selected second factors", permissions=["remove"])
    def remove(self, request: HttpRequest, queryset: QuerySet[Authenticator]) -> None:
        for factor, reason in self.each_removable(request, queryset):
            staff_factor_remove(actor=staff_of(request), factor=factor, reason=reason)


@admin.register(EmailAddress)
class EmailAddressAdmin(OwnedAdmin, ReadOnlyAdmin):
    """The users' email addresses, verified or not."""

    list_display = ("email", "user", "primary", "verified")
    ordering = ("-id",)
