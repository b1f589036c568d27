"""Groups in the admin: sets of rights that superusers give to staff."""

from typing import TYPE_CHECKING, Any

import django.contrib.auth.admin as auth_admin
from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest

from wallets.admin.reasons import reason_field

if TYPE_CHECKING:
    _GroupModelForm = forms.ModelForm[Group]
else:
    _GroupModelForm = forms.ModelForm

# With the wallet service, the site has not registered groups in the first place.
if admin.site.is_registered(Group):
    admin.site.unregister(Group)


class GroupForm(_GroupModelForm):
    """A group, with the reason for the change."""

    reason = reason_field()
    reason.help_text = "Stored permanently with your name."


@admin.register(Group)
class GroupAdmin(auth_admin.GroupAdmin):
    """Who changes a group changes the rights of its members, and only superusers grant rights: a permission such as
    `change_group` is not enough. Groups are emptied instead of deleted, because Django's page for that asks for no
    reason."""

    form = GroupForm

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may_grant(request)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:  # noqa: ARG002
        return self._may_grant(request)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:  # noqa: ARG002
        return False

    def construct_change_message(self, request: HttpRequest, form: Any, formsets: Any, add: bool = False) -> Any:  # noqa: ARG002, FBT001, FBT002
        """What the group's history says."""
        fields = ", ".join(sorted(set(form.changed_data) - {"reason"}))
        what = "Added" if add else f"Changed {fields or 'nothing'}"
        return f"{what}: {form.cleaned_data['reason']}"

    def _may_grant(self, request: HttpRequest) -> bool:
        # The database role of a process without books may change no rights.
        return bool(request.user.is_superuser) and not settings.WALLET_SERVICE
