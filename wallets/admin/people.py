"""Users in the admin. Staff can search, activate and deactivate them. Users sign up themselves and are never
deleted.

In a process without books (WALLET_SERVICE) users are only shown: its database role may not change who may sign in, or
as staff.
"""

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from kit.admin.big_tables import BigTableAdmin, ReadOnlyInline, when
from wallets.admin.columns import money
from wallets.admin.reasons import ReasonActionForm, reason_field, reason_given
from wallets.auth.staff.actions import staff_locked_deactivate, staff_user_changed
from wallets.domain.names import username_canonical
from wallets.models import User, Wallet

_RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")


def user_outranks(actor: AbstractBaseUser | AnonymousUser, target: User) -> bool:
    """Whether the actor has every right that the target has. Staff do not act on accounts with more rights."""
    if not isinstance(actor, User):
        return False
    if actor.is_superuser:
        return True
    return not target.is_superuser and target.get_all_permissions() <= actor.get_all_permissions()


if TYPE_CHECKING:
    _UserModelForm = forms.ModelForm[User]
else:
    _UserModelForm = forms.ModelForm


class UserForm(_UserModelForm):
    """A change of somebody's account, with the reason for it."""

    reason = reason_field()


class WalletInline(ReadOnlyInline):
    """A user's wallets, on the user's page."""

    model = Wallet
    fields = ("currency", "status", "balance_shown", "created_shown")
    readonly_fields = fields

    @admin.display(description="created (UTC)")
    def created_shown(self, wallet: Wallet) -> str:
        return when(wallet.created_at)

    @admin.display(description="balance")
    def balance_shown(self, wallet: Wallet) -> str:
        return money(wallet.balance, wallet.currency)


@admin.register(User)
class UserAdmin(BigTableAdmin):
    """Staff can only change whether a user may sign in, and the user's rights. The rest belongs to the user."""

    list_display = ("username", "email", "is_active", "is_staff", "joined_shown", "last_login_shown")
    list_filter = ("is_active", "is_staff")
    ordering = ("username",)
    search_fields = ("username", "email")
    search_help_text = "Enter the beginning of a username or email."
    fieldsets = (
        (None, {"fields": ("username", "display_name", "email", "joined_shown", "last_login_shown")}),
        ("Access", {"fields": ("is_active", "locked_shown")}),
        ("Staff permissions", {"fields": _RIGHTS}),
        ("Why", {"fields": ("reason",)}),
    )
    # A new address takes effect only when its user has confirmed it, so nobody else can set one.
    readonly_fields = ("username", "display_name", "email", "joined_shown", "last_login_shown", "locked_shown")
    filter_horizontal = ("groups", "user_permissions")
    inlines = (WalletInline,)
    form = UserForm
    action_form = ReasonActionForm
    actions = ("deactivate",)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:  # noqa: FBT001
        # Activating an account is how staff unlock it.
        if obj.is_active:
            obj.locked_at = None
        super().save_model(request, obj, form, change)

    @admin.action(description="Deactivate selected locked accounts", permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Their owners can then no longer unlock them by resetting the password: for accounts whose mailbox is not in
        their hands any more."""
        reason = reason_given(self, request)
        for user in queryset.filter(locked_at__isnull=False) if reason else ():
            if user != request.user and self.has_change_permission(request, user):
                staff_locked_deactivate(actor=staff_of(request), user=user, reason=reason)
                self.message_user(request, f"Deactivated: {user}.", messages.SUCCESS)

    @admin.display(description="locked by the owner (UTC)")
    def locked_shown(self, user: User) -> str:
        return when(user.locked_at)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001
        """Runs last, in the form's own database transaction. A deactivated user is locked out from the commit on."""
        super().save_related(request, form, formsets, change)
        fields = [name for name in form.changed_data if name != "reason"]
        reason = form.cleaned_data.get("reason", "")
        staff_user_changed(actor=staff_of(request), user=form.instance, fields=fields, reason=reason)

    @admin.display(description="joined (UTC)")
    def joined_shown(self, user: User) -> str:
        return when(user.date_joined)

    @admin.display(description="last login (UTC)")
    def last_login_shown(self, user: User) -> str:
        return when(user.last_login)

    def search(self, queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
        return queryset.filter(people_matching(term))

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        if db_field.name == "user_permissions" and field is not None and field.queryset is not None:
            # A permission's name includes the name of its model.
            field.queryset = field.queryset.select_related("content_type")
        return field

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Users sign up themselves, which also opens their first wallet."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """The books refer to users forever."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes somebody with more rights, and only where the books are kept."""
        allowed = super().has_change_permission(request, obj) and not settings.WALLET_SERVICE
        return allowed and (obj is None or user_outranks(request.user, obj))

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """Wallets are shown only if this site manages them."""
        return super().get_inlines(request, obj) if self.admin_site.is_registered(Wallet) else ()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Only superusers grant rights. Nobody changes their own rights or deactivates themselves."""
        if obj is not None and obj.pk == request.user.pk:
            return (*self.readonly_fields, "is_active", *_RIGHTS)
        return self.readonly_fields if _is_superuser(request) else (*self.readonly_fields, *_RIGHTS)


def people_matching(term: str, *, prefix: str = "") -> Q:
    """Users whose username or email address begins with `term`. `prefix` is the path to the user, such as "owner__".

    Both columns are stored in canonical form and unique, so their indexes answer this.
    """
    wanted = username_canonical(term)
    return Q(**{f"{prefix}username__startswith": wanted}) | Q(**{f"{prefix}email__startswith": wanted})


def staff_of(request: HttpRequest) -> User:
    """Who of the staff makes this request. The admin has refused everybody else."""
    assert isinstance(request.user, User)  # noqa: S101 - narrows the type
    return request.user


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_authenticated and request.user.is_superuser)
