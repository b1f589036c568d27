"""Text that the database can keep."""

import pytest

from wallets.domain.text import text_storable


@pytest.mark.parametrize("text", ["", "rent", "½ 🏠 مرحبا", "\n\t", "\ue000", "\ud7ff", "\U0010ffff"])
def test_it_keeps_any_text(text: str) -> None:
    assert text_storable(text)
    assert text.encode().decode() == text


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800", "a\udc00b", "\udc00\ud800"])
def test_it_keeps_neither_nul_nor_half_a_character(text: str) -> None:
    assert not text_storable(text)
