"""Who holds money: users and their wallets. Also the leases of Snowflake node numbers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import pghistory
import pgtrigger
from django.apps import apps
from django.contrib.auth.models import AbstractUser, UserManager
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.db.models.functions import Lower, Now

from wallets import security_models, session_models  # noqa: F401 - Django finds models by importing this module
from wallets.domain.currencies import CURRENCIES
from wallets.domain.display_names import DISPLAY_NAME_LENGTH_MAX
from wallets.domain.ids import NODES
from wallets.domain.money import BALANCE_MAX
from wallets.domain.names import email_canonical, skeleton, username_canonical
from wallets.node_leases import snowflake_next
from wallets.spending_models import SPENDING_CONSTRAINTS, SpendingColumns
from wallets.taken import taken_messages
from wallets.token_models import ApiToken as ApiToken  # noqa: PLC0414 - part of this module

#: Ids below this belong to the outside wallets: their id is the currency's ISO 4217 numeric code.
OUTSIDE_IDS_END = 1_000

# No "@", so that a username cannot be mistaken for an email address.
username_validator = RegexValidator(
    r"\A[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?\Z",
    "Use 1 to 64 letters, digits, dots, dashes and underscores, with a letter or digit first and last.",
)


class PeopleManager(UserManager["User"]):
    """Users. It stores usernames and email addresses in their canonical form (`wallets.domain.names`)."""

    @classmethod
    def normalize_email(cls, email: str | None) -> str | None:  # type: ignore[override]  # NULL: no confirmed address
        return email_canonical(email) if email else None

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(username=username_canonical(username or ""))

    def create_user(
        self, username: str, email: str | None = None, password: str | None = None, **fields: Any
    ) -> "User":
        """Creates a user. The caller vouches for `email`: it counts as confirmed.

        Raises ValidationError, naming the field, if the username is taken or looks like another, or the email is taken.
        """
        with _refusals_explained(), transaction.atomic():
            user = super().create_user(username, email, password, skeleton=skeleton(username), **fields)
            return _address_confirmed(user)

    def create_superuser(
        self, username: str, email: str | None = None, password: str | None = None, **fields: Any
    ) -> "User":
        """Creates a superuser, as `create_user` does."""
        with _refusals_explained(), transaction.atomic():
            user = super().create_superuser(username, email, password, skeleton=skeleton(username), **fields)
            return _address_confirmed(user)


class User(AbstractUser):
    """An account that signs in, a person's or a program's. Users find each other by username or email address.

    `email` is the confirmed address, if there is one. It alone counts for signing in, resetting a password, receiving
    money and uniqueness. An address that its user has not confirmed is only in allauth's `EmailAddress`.
    """

    username = models.CharField(
        max_length=64,
        unique=True,
        validators=[username_validator],
        error_messages={"unique": "This username is taken."},
    )
    email = models.EmailField(  # type: ignore[assignment]  # Django's own field is never NULL
        "email",
        unique=True,
        null=True,
        blank=True,
        error_messages={"unique": "This email already belongs to an account."},
    )
    #: What the username looks like; the index refuses look-alikes. NULL for an account that is older than this rule and
    #: looks like an even older one.
    skeleton = models.CharField(max_length=64, unique=True, null=True, editable=False)  # noqa: DJ001
    #: What the user wants to be called; empty: the username.
    display_name = models.CharField(max_length=DISPLAY_NAME_LENGTH_MAX, blank=True, default="", db_default="")

    #: When the owner locked the account. It stays inactive until the owner resets the password by mail, or staff
    #: activate it. None for an account that staff have deactivated.
    locked_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar[PeopleManager] = PeopleManager()
    #: The session hash that Django derives from the password hash. Set on users from the cache, without a password
    #: hash.
    session_hash: str | None = None
    #: The same, by each of SECRET_KEY_FALLBACKS.
    session_fallback_hashes: Sequence[str] = ()
    #: What may leave the wallets per day, as text, if this request has reset the password.
    reduced_limits: Sequence[str] = ()

    class Meta:
        constraints = [
            # Rule: "Alice" and "alice" are one user, so that nobody receives money meant for someone else.
            models.CheckConstraint(condition=Q(username=Lower("username")), name="user_username_lowercase"),
            models.CheckConstraint(condition=Q(email=Lower("email")), name="user_email_lowercase"),
            # Rule: nobody signs in to a locked account.
            models.CheckConstraint(condition=Q(locked_at=None) | Q(is_active=False), name="user_locked_is_inactive"),
            # Rule: an account without a confirmed address has none, so that any number of accounts can be without.
            models.CheckConstraint(condition=Q(email__isnull=True) | ~Q(email=""), name="user_email_not_empty"),
        ]

    @classmethod
    def normalize_username(cls, username: str) -> str:
        return username_canonical(username)

    @property
    def shown_name(self) -> str:
        """The display name, by default the username."""
        return self.display_name or self.username

    def clean(self) -> None:
        super().clean()
        self.username = self.normalize_username(self.username)

    def get_session_auth_hash(self) -> str:
        """The hash that a session stores. A new password changes it. A user from the cache carries it along."""
        if "password" not in self.__dict__ and self.session_hash is not None:
            return self.session_hash
        return super().get_session_auth_hash()

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """The hashes that sessions store that began under an earlier SECRET_KEY. A user from the cache carries them
        along."""
        if "password" not in self.__dict__ and self.session_hash is not None:
            yield from self.session_fallback_hashes
        else:
            yield from super().get_session_auth_fallback_hash()


@contextmanager
def _refusals_explained() -> Iterator[None]:
    """Turns what an index refuses into a ValidationError. `createsuperuser` shows its message and exits with 1."""
    try:
        yield
    except IntegrityError as error:
        if not (taken := taken_messages(error)):
            raise
        raise ValidationError(taken) from error


def _address_confirmed(user: User) -> User:
    if user.email is not None:
        # By name, because this module is loaded before allauth's.
        addresses = apps.get_model("account", "EmailAddress").objects
        addresses.create(user=user, email=user.email, verified=True, primary=True)
    return user


class WalletStatus(models.TextChoices):
    """Only an open wallet moves money."""

    OPEN = "open"
    FROZEN = "frozen"
    CLOSED = "closed"


class Wallet(SpendingColumns):  # type: ignore[django-manager-missing]  # of an event model built at run time
    """One user's money in one currency; or an outside wallet, the outside world's side of a currency, without an owner.

    `balance` is in minor units, and `version` counts the wallet's entries. Only the ledger changes them, and the
    database refuses a change without its entries. An outside wallet keeps both at 0: it is never updated and so never
    locked, however many deposits run at the same time.
    """

    id = models.BigIntegerField(primary_key=True, default=snowflake_next, editable=False)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="wallets", null=True, blank=True)
    currency = models.CharField(max_length=3, choices=[(code, code) for code in CURRENCIES])
    status = models.CharField(max_length=6, choices=WalletStatus.choices, default=WalletStatus.OPEN)
    balance = models.BigIntegerField(default=0, db_default=0)
    version = models.BigIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    #: When the last entry was written. It never goes back, so that a wallet's entries are in order of time as well.
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        permissions = [("freeze_wallet", "Can freeze, reopen and close wallets")]
        constraints = [
            # Rule: one wallet per user and currency.
            models.UniqueConstraint(fields=["owner", "currency"], name="wallet_one_per_owner_and_currency"),
            # Rule: one outside wallet per currency, and its id is in a range of its own.
            models.UniqueConstraint(
                fields=["currency"], condition=Q(owner__isnull=True), name="wallet_one_outside_per_currency"
            ),
            models.CheckConstraint(
                condition=Q(owner__isnull=True, id__gt=0, id__lt=OUTSIDE_IDS_END)
                | Q(owner__isnull=False, id__gte=OUTSIDE_IDS_END),
                name="wallet_id_tells_outside",
            ),
            # Rule: an outside wallet has no running balance and cannot be frozen.
            models.CheckConstraint(
                condition=Q(owner__isnull=False) | Q(balance=0, version=0, status=WalletStatus.OPEN),
                name="wallet_outside_carries_nothing",
            ),
            # Rule: a balance is never negative, and never so large that JSON parsers round it.
            models.CheckConstraint(condition=Q(balance__gte=0, balance__lte=BALANCE_MAX), name="wallet_balance_range"),
            models.CheckConstraint(condition=Q(version__gte=0), name="wallet_version_range"),
            models.CheckConstraint(condition=Q(status__in=WalletStatus.values), name="wallet_status_known"),
            models.CheckConstraint(condition=Q(currency__in=list(CURRENCIES)), name="wallet_currency_known"),
            # Rule: a wallet with money in it cannot be closed.
            models.CheckConstraint(
                condition=~Q(status=WalletStatus.CLOSED) | Q(balance=0), name="wallet_closed_is_empty"
            ),
            *SPENDING_CONSTRAINTS,
        ]

    def __str__(self) -> str:
        return f"{self.owner or 'outside'} {self.currency}"

    @property
    def is_outside(self) -> bool:
        return self.id < OUTSIDE_IDS_END


class WalletStatusEvent(
    pghistory.create_event_model(  # type: ignore[misc]  # the library builds the base class
        Wallet,
        pghistory.UpdateEvent("status_changed", condition=pgtrigger.AnyChange("status")),
        fields=["status"],
        append_only=True,
        context_field=pghistory.ContextJSONField(),
        obj_field=pghistory.ObjForeignKey(related_name="status_events", on_delete=models.PROTECT, db_constraint=False),
        # Set here, because a Meta in the class itself would drop the triggers that make it append-only.
        meta={"ordering": ["pgh_id"], "verbose_name": "status change"},
    )
):
    """The audit trail of freezing, reopening and closing: the new status, when, and as context who and why.

    A trigger writes it, so changes made with psql are recorded as well (without context).
    """

    objects: ClassVar[models.Manager["WalletStatusEvent"]] = models.Manager()

    def __str__(self) -> str:
        return f"{self.pgh_obj_id} {self.status}"


class EmailChange(models.Model):
    """A change of a confirmed address that whoever holds the old one can undo for three days, with the key that was
    mailed there. The row is deleted when the change is undone or can no longer be. Only the key's hash is stored."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    old_email = models.EmailField()
    key_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    def __str__(self) -> str:
        return f"change of {self.old_email}"


class NodeLease(models.Model):
    """Until when (milliseconds of Unix time) a Snowflake node number is leased. The next lease starts there."""

    node = models.SmallIntegerField(primary_key=True)
    until_ms = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(node__gte=0, node__lt=NODES), name="nodelease_node_range"),
        ]

    def __str__(self) -> str:
        return f"node {self.node}"


class OwedWallet(models.Model):
    """An account without its first wallet, because it was created by a process that has no rights on wallets.

    The row is written in the transaction that creates the account and deleted in the one that opens the wallet. So if a
    process dies in between, the account still gets its wallet.
    """

    owner = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="+")

    def __str__(self) -> str:
        return f"first wallet of {self.owner_id}"


class UsedNonce(models.Model):
    """The nonce of a web process's assertion that has authorised a write (`wallets.auth.nonces`)."""

    nonce = models.UUIDField(primary_key=True)
    used_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return str(self.nonce)
