"""Creates and revokes API tokens on behalf of their owner: recorded in the security log, and told to the owner."""

from collections.abc import Collection, Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet

from kit.cache.protocol import cache_replayed
from wallets.auth.notices import notice_send
from wallets.auth.security_log import api_address_is_new, security_event_record
from wallets.cache_names import token_name
from wallets.domain.errors import WalletError
from wallets.domain.mandates import Ceiling, Scope
from wallets.domain.security import SecurityEventKind
from wallets.models import ApiToken, User
from wallets.tokens.services import (
    token_issue,
    token_revoke,
    tokens_revoke_all,
    tokens_revoke_questioned,
)

#: The name of tokens that a program got by logging in.
LOGIN_NAME = "API login"


def api_sign_in(*, user: User) -> tuple[ApiToken, str]:
    """Issues a token to a program that has logged in with the user's credentials. Returns it with its secret.

    The owner gets a mail if the program is at an address from which none has logged in before. Raises NOT_AUTHENTICATED
    as `token_issue` does.
    """
    with transaction.atomic():
        token, secret = token_issue(user=user, name=LOGIN_NAME)
        is_new = api_address_is_new(user=user)
        security_event_record(user=user, kind=SecurityEventKind.SIGNED_IN)
        if is_new:
            notice_send(user=user, name="new_sign_in", is_api=True)
    return token, secret


def api_sign_out(*, user: User, digest: str) -> None:
    """Revokes the token with which a program logs out. Raises NOT_FOUND if it is revoked already."""
    _revoke(user, digest, SecurityEventKind.SIGNED_OUT)


def token_create(
    *, user: User, name: str, scopes: Collection[Scope], ceilings: Sequence[Ceiling], valid_for: timedelta
) -> tuple[ApiToken, str]:
    """Issues a token to its owner, who also gets a mail that says what it may do. Returns it with its secret.

    Raises NOT_AUTHENTICATED as `token_issue` does.
    """
    with transaction.atomic():
        token, secret = token_issue(user=user, name=name, scopes=scopes, ceilings=ceilings, valid_for=valid_for)
        bounds = [
            {"currency": each.currency, "per_payment": each.per_payment, "per_day": each.per_day} for each in ceilings
        ]
        detail = {"name": name, "scopes": token.scopes, "ceilings": bounds}
        security_event_record(user=user, kind=SecurityEventKind.TOKEN_CREATED, detail=detail)
        notice_send(user=user, name="token_created", token=token, ceilings=ceilings)
    return token, secret


def token_remove(*, user: User, digest: str) -> None:
    """Revokes a token of this user, who asks for it. Raises NOT_FOUND."""
    _revoke(user, digest, SecurityEventKind.TOKEN_REVOKED)


def tokens_remove_all(*, user: User) -> None:
    """Revokes all tokens of this user, who asks for it."""
    with transaction.atomic():
        _removed_record(user, ApiToken.objects.filter(user=user))
        tokens_revoke_all(user=user)


def tokens_remove_questioned(*, user: User) -> None:
    """Revokes the tokens about which this user was asked."""
    with transaction.atomic():
        _removed_record(user, ApiToken.objects.filter(user=user, questioned_at__isnull=False))
        tokens_revoke_questioned(user=user)


def _removed_record(user: User, tokens: QuerySet[ApiToken]) -> None:
    for name in tokens.values_list("name", flat=True):
        security_event_record(user=user, kind=SecurityEventKind.TOKEN_REVOKED, detail={"name": name})


def _revoke(user: User, digest: str, kind: SecurityEventKind) -> None:
    name = ApiToken.objects.filter(user=user, digest=digest).values_list("name", flat=True).first()
    try:
        with transaction.atomic():
            # Before the revocation, whose last step is the fence.
            security_event_record(user=user, kind=kind, detail={"name": name})
            token_revoke(user=user, digest=digest)
    except WalletError:
        # The token is gone already, so the event is rolled back, and with it what `token_revoke` has announced.
        with transaction.atomic():
            cache_replayed([token_name(digest)])
        raise
