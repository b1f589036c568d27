"""API tokens are issued once, stored as a hash, and revoked one by one."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.people import person
from wallets.domain.errors import ErrorCode, WalletError
from wallets.models import ApiToken
from wallets.selectors import token_list
from wallets.tokens.services import token_issue, token_revoke, tokens_delete_expired, tokens_revoke_all

pytestmark = pytest.mark.django_db


def test_the_secret_of_a_token_is_not_stored() -> None:
    token, secret = token_issue(user=person("alice"), name="laptop")
    kept = ApiToken.objects.values().get()
    assert len(secret) >= 32
    assert secret not in {str(value) for value in kept.values()}
    assert kept["digest"] == token.digest
    assert kept["name"] == "laptop"


def test_no_two_tokens_have_the_same_secret() -> None:
    alice = person("alice")
    secrets = {token_issue(user=alice, name="same")[1] for _ in range(20)}
    assert len(secrets) == 20


def test_a_token_expires() -> None:
    token, _ = token_issue(user=person("alice"), name="")
    assert token.expiry is not None
    assert timezone.now() < token.expiry <= timezone.now() + timedelta(days=365)


def test_a_revoked_token_is_gone_and_the_others_stay() -> None:
    alice = person("alice")
    first, second = (token_issue(user=alice, name=name)[0] for name in ("first", "second"))
    token_revoke(user=alice, digest=first.digest)
    assert list(token_list(owner=alice)) == [second]
    with pytest.raises(WalletError) as refusal:
        token_revoke(user=alice, digest=first.digest)
    assert refusal.value.code == ErrorCode.NOT_FOUND


@pytest.mark.parametrize("digest", ["", "x", "%", "0" * 128])
def test_a_token_that_does_not_exist_cannot_be_revoked(digest: str) -> None:
    with pytest.raises(WalletError) as refusal:
        token_revoke(user=person("alice"), digest=digest)
    assert refusal.value.code == ErrorCode.NOT_FOUND


def test_a_user_can_neither_see_nor_revoke_another_users_token() -> None:
    alice, bob = person("alice"), person("bob")
    token, _ = token_issue(user=alice, name="laptop")
    with pytest.raises(WalletError) as refusal:
        token_revoke(user=bob, digest=token.digest)
    assert refusal.value.code == ErrorCode.NOT_FOUND
    assert list(token_list(owner=bob)) == []
    assert list(token_list(owner=alice)) == [token]


def test_all_of_a_users_tokens_can_be_revoked_at_once() -> None:
    alice, bob = person("alice"), person("bob")
    for user in (alice, alice, bob):
        token_issue(user=user, name="")
    tokens_revoke_all(user=alice)
    assert [token.user for token in ApiToken.objects.all()] == [bob]


def test_expired_tokens_are_not_listed_and_are_deleted() -> None:
    alice = person("alice")
    old, young = (token_issue(user=alice, name=name)[0] for name in ("old", "young"))
    ApiToken.objects.filter(digest=old.digest).update(expiry=timezone.now() - timedelta(seconds=1))
    assert list(token_list(owner=alice)) == [young]
    tokens_delete_expired()
    assert list(ApiToken.objects.all()) == [young]
