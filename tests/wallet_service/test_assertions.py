"""One assertion, one call: what the service accepts from web processes."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
import time_machine
from django.core import signing
from pytest_django import Settings

from tests.wallet_service.site import KEY
from wallets.auth.wallet_service.assertions import TOLERANCE, ClockSkewError, assertion_make, assertion_read
from wallets.domain.errors import ErrorCode, WalletError

NOW_MS = 1_790_000_000_000
OTHER_KEY = "another-key-that-the-service-does-not-know-9876543210-abcdef"


@pytest.fixture(autouse=True)
def _shared_key(settings: Settings) -> None:
    settings.WALLET_SERVICE_KEY = KEY


@dataclass(frozen=True)
class Sent:
    """A call on its way: an assertion, and the call with which it arrives."""

    assertion: str
    method: str = "wallet.v1.WalletService/Deposit"
    body: bytes = b"five dollars"

    def read(self) -> int:
        read = assertion_read(self.assertion, method=self.method, body=self.body, arrived_ms=NOW_MS)
        return read.user_id

    def refusal(self) -> WalletError:
        with pytest.raises(WalletError) as refused:
            self.read()
        return refused.value

    def with_assertion(self, change: Callable[[str], str]) -> "Sent":
        changed = change(self.assertion)
        assert changed != self.assertion
        return replace(self, assertion=changed)


def sent(*, at: timedelta = timedelta(0), user_id: int = 7) -> Sent:
    """A call that was made this long after now."""
    with time_machine.travel(NOW_MS / 1_000 + at.total_seconds(), tick=False):
        return Sent(assertion_make(user_id=user_id, method=Sent.method, body=Sent.body))


def test_it_names_the_user_of_the_call() -> None:
    assert sent().read() == 7
    assert sent(user_id=2**63 - 1).read() == 2**63 - 1


def test_no_two_assertions_are_the_same() -> None:
    assert sent().assertion != sent().assertion


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda it: replace(it, method="wallet.v1.WalletService/Withdraw"), id="another method"),
        pytest.param(lambda it: replace(it, method="wallet.internal.v1/Deposit"), id="another service"),
        pytest.param(lambda it: replace(it, body=b"fifty dollars"), id="another body"),
        pytest.param(lambda it: replace(it, body=b""), id="no body"),
        pytest.param(lambda it: replace(it, body=it.body + b"\0"), id="a longer body"),
        pytest.param(lambda it: it.with_assertion(lambda text: "8" + text[1:]), id="another user"),
        pytest.param(lambda it: it.with_assertion(lambda text: "1" + text), id="a longer user id"),
        pytest.param(lambda it: it.with_assertion(lambda text: "0" + text), id="the same user, written otherwise"),
        pytest.param(lambda it: it.with_assertion(lambda text: text.replace(str(NOW_MS), str(NOW_MS + 1))), id="later"),
        pytest.param(lambda it: it.with_assertion(lambda text: text[:-1]), id="truncated"),
        pytest.param(lambda it: it.with_assertion(lambda text: text.rpartition(".")[0]), id="no MAC"),
        pytest.param(lambda it: it.with_assertion(lambda text: text.rpartition(".")[0] + "."), id="an empty MAC"),
        pytest.param(lambda it: it.with_assertion(lambda text: text[:-64] + "0" * 64), id="a made-up MAC"),
        pytest.param(lambda it: it.with_assertion(str.upper), id="upper case"),
        pytest.param(lambda it: it.with_assertion(lambda text: text + "\n"), id="a line break"),
        pytest.param(lambda it: it.with_assertion(lambda text: text.replace("7", "\u0667", 1)), id="a foreign digit"),
        pytest.param(lambda it: it.with_assertion(lambda _: ""), id="nothing"),
        pytest.param(lambda it: it.with_assertion(lambda _: "7"), id="a bare user id"),
        pytest.param(
            lambda it: it.with_assertion(lambda text: text.replace(text.split(".")[2], "0" * 32)), id="another nonce"
        ),
        pytest.param(
            lambda it: it.with_assertion(lambda _: signing.TimestampSigner(key=KEY).sign("7")), id="signed for Django"
        ),
    ],
)
def test_it_is_worthless_for_anything_but_its_own_call(forge: Callable[[Sent], Sent]) -> None:
    assert sent().read() == 7
    assert forge(sent()).refusal().code == ErrorCode.PERMISSION_DENIED


@pytest.mark.parametrize("sign", [1, -1])
def test_it_is_valid_for_seconds_by_clocks_that_differ_a_little(sign: int) -> None:
    moment = timedelta(milliseconds=50)
    assert sent(at=sign * (TOLERANCE - moment)).read() == 7
    refusal = sent(at=sign * (TOLERANCE + moment)).refusal()
    assert isinstance(refusal, ClockSkewError)
    assert refusal.code == ErrorCode.UNAVAILABLE
    assert refusal.skew_ms == pytest.approx(sign * 10_050, abs=2)
    assert refusal.retry_after_s


def test_a_stranger_learns_nothing_about_the_clock() -> None:
    late = sent(at=timedelta(hours=-1)).with_assertion(lambda text: text[:-64] + "0" * 64)
    assert late.refusal().code == ErrorCode.PERMISSION_DENIED


def test_it_needs_the_services_key(settings: Settings) -> None:
    settings.WALLET_SERVICE_KEY = OTHER_KEY
    foreign = sent()
    settings.WALLET_SERVICE_KEY = KEY
    assert foreign.refusal().code == ErrorCode.PERMISSION_DENIED


def test_a_new_key_is_introduced_without_a_refusal(settings: Settings) -> None:
    """First the service learns the new key, then the web processes, then the service forgets the old one."""
    old = sent()
    settings.WALLET_SERVICE_KEY, settings.WALLET_SERVICE_KEY_FALLBACKS = OTHER_KEY, [KEY]
    new = sent()
    assert old.read() == new.read() == 7
    settings.WALLET_SERVICE_KEY_FALLBACKS = []
    assert new.read() == 7
    assert old.refusal().code == ErrorCode.PERMISSION_DENIED


def test_without_a_key_nobody_can_make_one(settings: Settings) -> None:
    settings.WALLET_SERVICE_KEY, settings.WALLET_SERVICE_KEY_FALLBACKS = "", [""]
    assert sent().refusal().code == ErrorCode.PERMISSION_DENIED


def test_an_assertion_names_the_token_whose_ceilings_bound_the_call() -> None:
    method, body, digest = "wallet.v1.WalletService/Withdraw", b"five dollars", "ab" * 64
    assertion = assertion_make(user_id=7, method=method, body=body, ceilings_of=digest)

    def read(text: str) -> str | None:
        return assertion_read(text, method=method, body=body, arrived_ms=time.time_ns() // 1_000_000).ceilings_of

    assert read(assertion) == digest
    assert read(assertion_make(user_id=7, method=method, body=body)) is None
    for forged in (assertion.replace(f".{digest}", ""), assertion.replace(digest, "cd" * 64)):
        with pytest.raises(WalletError) as refused:
            read(forged)
        assert refused.value.code == ErrorCode.PERMISSION_DENIED
