"""The catalogue of errors is closed and complete."""

import pytest

from wallets.domain.errors import CATALOGUE, ErrorCode, WalletError


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_has_a_meaning(code: ErrorCode) -> None:
    title = CATALOGUE[code].title
    assert title.endswith(".")
    assert title[0].isupper()


def test_no_two_codes_mean_the_same() -> None:
    assert len({meaning.title for meaning in CATALOGUE.values()}) == len(ErrorCode) == len(CATALOGUE)


@pytest.mark.parametrize("code", ErrorCode)
def test_a_code_is_its_own_name_in_lower_case(code: ErrorCode) -> None:
    assert code.value == code.name.lower()


def test_repeating_a_refused_movement_of_money_unchanged_never_helps() -> None:
    retryable = {code for code in ErrorCode if CATALOGUE[code].retryable}
    assert retryable == {
        ErrorCode.IDEMPOTENCY_IN_PROGRESS,
        ErrorCode.RATE_LIMITED,
        ErrorCode.UNAVAILABLE,
        ErrorCode.INTERNAL_ERROR,
    }


def test_an_error_without_a_detail_shows_the_meaning_of_its_code() -> None:
    error = WalletError(ErrorCode.SAME_WALLET)
    assert error.detail == str(error) == error.title == CATALOGUE[ErrorCode.SAME_WALLET].title
    assert error.fields == {}
    assert error.retry_after_s is None
    assert not error.retryable


def test_an_error_keeps_its_detail_fields_and_waiting_time() -> None:
    fields = {"amount": ["Too much."]}
    error = WalletError(ErrorCode.UNAVAILABLE, "Not now.", fields=fields, retry_after_s=1)
    fields.clear()
    assert (error.detail, str(error)) == ("Not now.", "Not now.")
    assert error.fields == {"amount": ["Too much."]}
    assert error.retry_after_s == 1
    assert error.retryable
