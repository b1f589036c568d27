"""Who holds money: users, their wallets, their API tokens; beside them what ids and the cache keep on record."""

from typing import ClassVar

import pghistory
import pgtrigger
from django.contrib.auth.models import AbstractUser, UserManager
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now
from knox.models import AbstractAuthToken

from wallets.domain.currencies import CURRENCIES
from wallets.domain.ids import NODES
from wallets.domain.money import BALANCE_MAX
from wallets.node_leases import snowflake_next

#: Ids below this belong to the outside wallets: their id is the currency's ISO 4217 numeric code.
OUTSIDE_IDS_END = 1_000

# No "@", so that a recipient's name and an e-mail address can never be taken for one another.
username_validator = RegexValidator(
    r"\A[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?\Z",
    "Use 1 to 64 letters, digits, dots, dashes and underscores, with a letter or digit first and last.",
)


class PeopleManager(UserManager["User"]):
    """Users, whose names and e-mail addresses are always stored in lower case."""

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        return (email or "").strip().lower()

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(username=(username or "").lower())


class User(AbstractUser):
    """A person, or a program, that signs in. People find one another by username or e-mail address."""

    username = models.CharField(
        max_length=64,
        unique=True,
        validators=[username_validator],
        error_messages={"unique": "This username is taken."},
    )
    email = models.EmailField(
        "e-mail address", unique=True, error_messages={"unique": "This e-mail address belongs to an account already."}
    )

    objects: ClassVar[PeopleManager] = PeopleManager()
    #: What the password's hash makes of itself for sessions; set where the hash itself stays in the database.
    session_hash: str | None = None

    class Meta:
        constraints = [
            # Rule: "Alice" and "alice" are one person, so that nobody receives money meant for somebody else.
            models.CheckConstraint(condition=Q(username=Lower("username")), name="user_username_lowercase"),
            models.CheckConstraint(condition=Q(email=Lower("email")), name="user_email_lowercase"),
        ]

    @classmethod
    def normalize_username(cls, username: str) -> str:
        return super().normalize_username(username).lower()

    def clean(self) -> None:
        super().clean()
        self.username = self.normalize_username(self.username)

    def get_session_auth_hash(self) -> str:
        """What a session was opened with, which a new password changes. A user out of the cache brings it along."""
        if "password" not in self.__dict__ and self.session_hash is not None:
            return self.session_hash
        return super().get_session_auth_hash()


class WalletStatus(models.TextChoices):
    """Only an open wallet moves money."""

    OPEN = "open"
    FROZEN = "frozen"
    CLOSED = "closed"


class Wallet(models.Model):  # type: ignore[django-manager-missing]  # of an event model built at run time
    """One person's money in one currency; or the outside world's side of a currency, which belongs to nobody.

    `balance` is in minor units and `version` counts the wallet's entries; both change only through the ledger, and
    the database refuses a change that does not come with its entries. An outside wallet keeps both at 0: it is never
    updated and so never locked, however many deposits run at once.
    """

    id = models.BigIntegerField(primary_key=True, default=snowflake_next, editable=False)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="wallets", null=True, blank=True)
    currency = models.CharField(max_length=3, choices=[(code, code) for code in CURRENCIES])
    status = models.CharField(max_length=6, choices=WalletStatus.choices, default=WalletStatus.OPEN)
    balance = models.BigIntegerField(default=0, db_default=0)
    version = models.BigIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    #: When the last entry was written. Never goes back, so that a wallet's entries stand in order of time too.
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        permissions = [("freeze_wallet", "Can freeze, reopen and close wallets")]
        constraints = [
            # Rule: one wallet per user and currency.
            models.UniqueConstraint(fields=["owner", "currency"], name="wallet_one_per_owner_and_currency"),
            # Rule: one outside wallet per currency, with an id apart from everybody else's.
            models.UniqueConstraint(
                fields=["currency"], condition=Q(owner__isnull=True), name="wallet_one_outside_per_currency"
            ),
            models.CheckConstraint(
                condition=Q(owner__isnull=True, id__gt=0, id__lt=OUTSIDE_IDS_END)
                | Q(owner__isnull=False, id__gte=OUTSIDE_IDS_END),
                name="wallet_id_tells_outside",
            ),
            # Rule: the outside world carries no running balance and cannot be frozen.
            models.CheckConstraint(
                condition=Q(owner__isnull=False) | Q(balance=0, version=0, status=WalletStatus.OPEN),
                name="wallet_outside_carries_nothing",
            ),
            # Rule: no balance below zero, none that a JSON reader would round.
            models.CheckConstraint(condition=Q(balance__gte=0, balance__lte=BALANCE_MAX), name="wallet_balance_range"),
            models.CheckConstraint(condition=Q(version__gte=0), name="wallet_version_range"),
            models.CheckConstraint(condition=Q(status__in=WalletStatus.values), name="wallet_status_known"),
            models.CheckConstraint(condition=Q(currency__in=list(CURRENCIES)), name="wallet_currency_known"),
            # Rule: nobody's money is locked away by closing.
            models.CheckConstraint(
                condition=~Q(status=WalletStatus.CLOSED) | Q(balance=0), name="wallet_closed_is_empty"
            ),
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
        # Here, because a Meta of the class's own would drop the triggers that make it append-only.
        meta={"ordering": ["pgh_id"], "verbose_name": "status change"},
    )
):
    """The audit trail of freezing, reopening and closing: the new status, when, and as context who and why.

    Written by a trigger, so that a change made with psql is on record too (with no context).
    """

    objects: ClassVar[models.Manager["WalletStatusEvent"]] = models.Manager()

    def __str__(self) -> str:
        return f"{self.pgh_obj_id} {self.status}"


class ApiToken(AbstractAuthToken):
    """A bearer token: stored as a hash, named by its owner, revocable one by one."""

    name = models.CharField(max_length=80, default="", blank=True)

    class Meta:
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.user} {self.name}"


class NodeLease(models.Model):
    """Until when (milliseconds of Unix time) a Snowflake node number is taken; the next lease starts there."""

    node = models.SmallIntegerField(primary_key=True)
    until_ms = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(node__gte=0, node__lt=NODES), name="nodelease_node_range"),
        ]

    def __str__(self) -> str:
        return f"node {self.node}"


class OwedWallet(models.Model):
    """An account whose first wallet is still to be opened: it was made by a process that has no rights on wallets.

    Written in the commit that makes the account, and deleted in the one that opens the wallet, so that whatever dies in
    between, nobody is left without one.
    """

    owner = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="+")

    def __str__(self) -> str:
        return f"first wallet of {self.owner_id}"
