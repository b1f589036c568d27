"""Issues and revokes API tokens. Entry points call `wallets.auth.tokens`, which also records it and tells the owner."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from knox.models import get_digest_token
from knox.settings import CONSTANTS, knox_settings

from kit.cache.protocol import cache_fence, cache_replayed
from wallets.cache_names import token_name
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.mandates import Ceiling, Scope
from wallets.models import ApiToken, User

_ISSUE_SQL = """
SELECT token_issue(
    jsonb_populate_record(NULL::wallets_apitoken, %s::jsonb),
    ARRAY(SELECT jsonb_populate_recordset(NULL::wallets_tokenceiling, %s::jsonb))
)
"""


def token_issue(
    *,
    user: User,
    name: str,
    scopes: Collection[Scope] = tuple(Scope),
    ceilings: Sequence[Ceiling] = (),
    valid_for: timedelta | None = None,
) -> tuple[ApiToken, str]:
    """Issues a bearer token. Returns it with its secret, which is stored nowhere and cannot be read again.

    With ceilings, it pays only in their currencies; without any, its payments are not bounded. It always may read.

    Raises NOT_AUTHENTICATED if the account was deactivated, or its password changed, since `user` signed in.
    """
    with transaction.atomic():
        # Race: a password change, which ends all tokens, misses this one. With this lock either the change waits for
        # this commit and finds the token, or this call sees that `user` signed in with the old password.
        account = User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if not account.is_active or account.get_session_auth_hash() != user.get_session_auth_hash():
            raise WalletError(ErrorCode.NOT_AUTHENTICATED, "The account was deactivated, or its password was changed.")
        digest, secret = get_digest_token()  # type: ignore[no-untyped-call]  # knox is untyped
        token = ApiToken(
            digest=digest,
            token_key=secret[: CONSTANTS.TOKEN_KEY_LENGTH],
            user=account,
            name=name,
            scopes=[scope.value for scope in Scope if scope in {*scopes, Scope.READ}],
            created=timezone.now(),
            expiry=timezone.now() + (valid_for or knox_settings.TOKEN_TTL),
        )
        _token_insert(token, ceilings)
    return token, secret


def token_revoke(*, user: User, digest: str) -> None:
    """Revokes a token: from the commit on it is refused. Raises NOT_FOUND."""
    if not _tokens_delete(_tokens(user).filter(digest=digest)):
        with transaction.atomic():
            cache_replayed([token_name(digest)])
        raise WalletError(ErrorCode.NOT_FOUND, "You have no such token.")


def tokens_revoke_all(*, user: User) -> None:
    """Revokes every token of a user, as a password change requires."""
    _tokens_delete(_tokens(user))


def tokens_question(*, user: User) -> None:
    """Asks the owner whether to keep the tokens that exist now, in the transaction that changes how the owner signs in.
    They stay valid."""
    with transaction.atomic():
        ApiToken.objects.filter(digest__in=_locked(_tokens(user))).update(questioned_at=timezone.now())


def tokens_question_end(*, user: User) -> None:
    """Keeps the tokens about which the owner was asked."""
    with transaction.atomic():
        asked = _locked(_tokens(user).filter(questioned_at__isnull=False))
        ApiToken.objects.filter(digest__in=asked).update(questioned_at=None)


def tokens_revoke_questioned(*, user: User) -> None:
    """Revokes the tokens about which the owner was asked."""
    _tokens_delete(_tokens(user).filter(questioned_at__isnull=False))


def tokens_delete_expired() -> None:
    """Deletes expired tokens."""
    _tokens_delete(ApiToken.objects.filter(expiry__lte=timezone.now()))


def _token_insert(token: ApiToken, ceilings: Sequence[Ceiling]) -> None:
    """Inserts the rows with the database's function `token_issue`, which checks it: web processes without books have no
    right to insert tokens themselves."""
    values = {field.column: field.value_from_object(token) for field in ApiToken._meta.concrete_fields}  # noqa: SLF001
    bounds = [{"currency": c.currency, "per_payment": c.per_payment, "per_day": c.per_day} for c in ceilings]
    with connection.cursor() as cursor:
        cursor.execute(_ISSUE_SQL, [json.dumps(values, default=datetime.isoformat), json.dumps(bounds)])


def _tokens(user: User) -> QuerySet[ApiToken]:
    return ApiToken.objects.filter(user=user)


def _locked(tokens: QuerySet[ApiToken]) -> list[str]:
    """The digests of the tokens, whose rows are locked until the end of the database transaction.

    Races: two calls with tokens in common deadlock, or both report the same token. The row locks, taken in the order of
    the digests, make the second call wait, and it then finds only what is left.
    """
    return list(tokens.order_by("digest").select_for_update(of=("self",)).values_list("digest", flat=True))


def _tokens_delete(tokens: QuerySet[ApiToken]) -> int:
    """Deletes the tokens and returns their number. From the commit on they are refused, even where they are cached."""
    with transaction.atomic():
        digests = _locked(tokens)
        ApiToken.objects.filter(digest__in=digests).delete()
        cache_fence([token_name(digest) for digest in digests])
    return len(digests)
