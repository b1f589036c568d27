"""Users, and what changes of an account leave behind."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from django.apps import apps
from django.contrib.auth.models import AbstractUser, UserManager
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.db.models.functions import Lower, Now

from wallets.domain.display_names import DISPLAY_NAME_LENGTH_MAX
from wallets.domain.names import email_canonical, skeleton, username_canonical
from wallets.taken import taken_messages

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

    def set_password(self, raw_password: str | None) -> None:
        self.session_hash = None
        super().set_password(raw_password)

    def get_session_auth_hash(self) -> str:
        """The hash that a session stores. A new password changes it. A user from the cache carries it along, also when
        the password hash is read later: somebody else may have changed it meanwhile."""
        if self.session_hash is not None:
            return self.session_hash
        return super().get_session_auth_hash()

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """The hashes that sessions store that began under an earlier SECRET_KEY. A user from the cache carries them
        along."""
        if self.session_hash is not None:
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


class EmailChange(models.Model):
    """A change of a confirmed address that whoever holds the old one can undo for three days, with the key that was
    mailed there. The row is deleted when the change is undone or can no longer be. Only the key's hash is stored."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    old_email = models.EmailField()
    key_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    def __str__(self) -> str:
        return f"change of {self.old_email}"


class OwedWallet(models.Model):
    """An account without its first wallet, because it was created by a process that has no rights on wallets.

    The row is written in the transaction that creates the account and deleted in the one that opens the wallet. So if a
    process dies in between, the account still gets its wallet.
    """

    owner = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="+")

    def __str__(self) -> str:
        return f"first wallet of {self.owner_id}"
