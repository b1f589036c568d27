"""Text that the database can store, and waiting times in words."""

import pytest

from wallets.domain.text import text_storable, wait_words


@pytest.mark.parametrize("text", ["", "rent", "½ 🏠 مرحبا", "\n\t", "\ue000", "\ud7ff", "\U0010ffff"])
def test_any_unicode_text_can_be_stored(text: str) -> None:
    assert text_storable(text)
    assert text.encode().decode() == text


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800", "a\udc00b", "\udc00\ud800"])
def test_nul_and_half_of_a_surrogate_pair_cannot_be_stored(text: str) -> None:
    assert not text_storable(text)


@pytest.mark.parametrize(
    ("wait_s", "words"),
    [
        (1, "1 second"),
        (2, "2 seconds"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (61, "2 minutes"),
        (600, "10 minutes"),
    ],
)
def test_a_waiting_time_is_rounded_up(wait_s: int, words: str) -> None:
    assert wait_words(wait_s) == words
