"""Text that the database can keep, and words for a wait."""

import pytest

from wallets.domain.text import text_storable, wait_words


@pytest.mark.parametrize("text", ["", "rent", "½ 🏠 مرحبا", "\n\t", "\ue000", "\ud7ff", "\U0010ffff"])
def test_it_keeps_any_text(text: str) -> None:
    assert text_storable(text)
    assert text.encode().decode() == text


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800", "a\udc00b", "\udc00\ud800"])
def test_it_keeps_neither_nul_nor_half_a_character(text: str) -> None:
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
def test_it_says_how_long_to_wait_and_never_too_little(wait_s: int, words: str) -> None:
    assert wait_words(wait_s) == words
