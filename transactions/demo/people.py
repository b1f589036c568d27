"""Creating the demo: its users, their wallets, and their transactions, which are posted by the ledger as usual."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from allauth.mfa import app_settings
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.db import transaction
from django.utils import timezone

from transactions.demo.story import Move, story
from transactions.ledger.commands import Command
from transactions.ledger.post import post
from transactions.models import Kind
from wallets.domain.money import amount_parse
from wallets.models import User, Wallet
from wallets.services import FIRST_CURRENCY, user_register, wallet_open_dated


@dataclass(frozen=True, slots=True)
class Person:
    """A demo user. The password is public; without --force, the demo does not run in production."""

    username: str
    password: str
    currencies: Sequence[str] = ()
    is_staff: bool = False
    #: The secret of the authenticator app; staff need one. In base32.
    totp_secret: str = ""

    @property
    def email(self) -> str:
        return f"{self.username}@example.com"


#: All of them have a wallet in USD, and one in each of `currencies`.
PEOPLE: Sequence[Person] = (
    Person("alice", "demo-alice", currencies=["EUR"]),
    Person("bob", "demo-bob", currencies=["JPY"]),
    Person("carol", "demo-carol", currencies=["EUR"]),
    Person("admin", "demo-admin", is_staff=True, totp_secret="JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"),  # noqa: S106 - public  # noqa: S106 - public
)


class DemoError(Exception):
    """The demo cannot be created; the message says why."""


def demo_create() -> bool:
    """Creates the demo in one database transaction; False if it exists. Raises DemoError if a username is taken."""
    emails = dict(User.objects.filter(username__in=[p.username for p in PEOPLE]).values_list("username", "email"))
    if emails == {person.username: person.email for person in PEOPLE}:
        return False
    if emails:
        raise DemoError(f"These usernames, which the demo needs, are taken: {', '.join(sorted(emails))}.")
    now = timezone.now()
    moves = list(story(today=now.date()))
    with transaction.atomic():
        wallets = {}
        for person in PEOPLE:
            for wallet in _person_create(person, since=moves[0][0] - timedelta(hours=1)):
                wallets[person.username, wallet.currency] = wallet
        for moment, move in moves:
            _move_post(moment, move, wallets)
    return True


def totp_code(secret: str) -> str:
    """What an authenticator app with this secret shows now."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // app_settings.TOTP_PERIOD)))


def _person_create(person: Person, *, since: datetime) -> list[Wallet]:
    # A posting cannot be dated before its wallet's last change, so the empty wallets are dated back to the beginning.
    user = user_register(
        username=person.username,
        email=person.email,
        password=person.password,
        is_email_confirmed=True,
        wallet_open_first=partial(wallet_open_dated, currency=FIRST_CURRENCY, opened_at=since),
    )
    for currency in person.currencies:
        wallet_open_dated(owner=user, currency=currency, opened_at=since)
    User.objects.filter(pk=user.pk).update(date_joined=since, is_staff=person.is_staff, is_superuser=person.is_staff)
    if person.totp_secret:
        TOTP.activate(user, person.totp_secret)
    return list(Wallet.objects.filter(owner=user).select_related("owner"))


def _move_post(moment: datetime, move: Move, wallets: dict[tuple[str, str], Wallet]) -> None:
    source = wallets[move.payer, move.currency] if move.payer else None
    destination = wallets[move.payee, move.currency] if move.payee else None
    own = source or destination
    assert own is not None and own.owner_id is not None  # noqa: S101, PT018 - each move has a user on one side
    amount, memo = move.turn(moment.date())
    command = Command(
        kind=_kind(move),
        amount=amount_parse(amount, currency=move.currency),
        source_id=source.id if source else None,
        destination_id=destination.id if destination else None,
        initiator_id=own.owner_id,
        memo=memo,
    )
    (outcome,) = post([command], at=moment)
    if outcome.error:
        raise outcome.error


def _kind(move: Move) -> Kind:
    if move.payer is None:
        return Kind.DEPOSIT
    return Kind.TRANSFER if move.payee else Kind.WITHDRAWAL
