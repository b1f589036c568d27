"""Canonical forms, look-alikes, and display names."""

# ruff: noqa: RUF001 - look-alikes are what this is about

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallets.domain.display_names import display_name_canonical, display_name_error
from wallets.domain.names import email_canonical, name_canonical, skeleton, username_canonical


@pytest.mark.parametrize("written", ["alice", "ALICE", " Alice\t", "ＡＬＩＣＥ", "ａlice", "ⓐlice", "𝐚𝐥𝐢𝐜𝐞"])
def test_one_username_can_be_written_in_many_ways(written: str) -> None:
    assert username_canonical(written) == "alice"


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("Alice@Example.COM", "alice@example.com"),
        (" alice＠example。com ", "alice@example.com"),
        ("alice@BÜCHER.example", "alice@xn--bcher-kva.example"),
        ("alice@bu\u0308cher.example", "alice@xn--bcher-kva.example"),
        ("alice@XN--BCHER-KVA.example", "alice@xn--bcher-kva.example"),
        # IDNA 2008 tells these apart, which older software did not.
        ("alice@straße.example", "alice@xn--strae-oqa.example"),
        ("alice@strasse.example", "alice@strasse.example"),
        ("\N{KELVIN SIGN}arl@example.com", "karl@example.com"),
    ],
)
def test_one_email_can_be_written_in_many_ways(written: str, canonical: str) -> None:
    assert email_canonical(written) == canonical
    assert name_canonical(written) == canonical


@pytest.mark.parametrize(
    "written", ["alice@☃️.example", "alice@-ü.example", "alice@" + "ü" * 64 + ".example", "a" * 255 + "@b.c"]
)
def test_an_email_without_a_canonical_form_is_refused_and_belongs_to_nobody(written: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        email_canonical(written)
    assert name_canonical(written)


@given(st.text(max_size=40))
def test_a_canonical_form_is_its_own_canonical_form(text: str) -> None:
    once = name_canonical(text)
    assert name_canonical(once) == once
    assert username_canonical(username_canonical(text)) == username_canonical(text)


@given(st.text(max_size=40))
def test_every_text_has_a_skeleton_of_letters_and_digits(text: str) -> None:
    assert all(char.isascii() and char.isalnum() for char in skeleton(text))


@pytest.mark.parametrize(
    "look_alike",
    [
        "a1ice",
        "aIice",
        "allce",
        "a.lice",
        "al-ice",
        "a_l_i_c_e",
        "4lice",
        "alic3",
        "ａｌｉｃｅ",
        "аlice",
        "ａ1іϲе",
        "álice",
        "alíce\u0301",
    ],
)
def test_look_alikes_have_one_skeleton(look_alike: str) -> None:
    assert skeleton(look_alike) == skeleton("alice")


@pytest.mark.parametrize(
    ("one", "other"), [("bob", "b0b"), ("bob", "8ob"), ("modern", "modem"), ("vvanda", "wanda"), ("sam", "5am")]
)
def test_letters_digits_and_pairs_that_look_alike_have_one_skeleton(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(
    ("one", "other"), [("alice", "alicia"), ("bob", "rob"), ("alice1", "alice2"), ("user10", "user100")]
)
def test_different_names_have_different_skeletons(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)


def test_numbered_names_do_not_look_alike() -> None:
    assert len({skeleton(f"person{number}") for number in range(2_000)}) == 2_000


@pytest.mark.parametrize(
    "name",
    [
        "Alice",
        "Alice B. Cooper",
        "Zoë",
        "Đặng Thị Hà",
        "Владимир",
        "田中 さくら",
        "ソニー Sony",
        "김민수",
        "محمد",
        "O’Neill",
        "R2-D2",
        "Bob 🎸",
    ],
)
def test_people_may_be_called_what_they_are_called(name: str) -> None:
    assert display_name_error(display_name_canonical(name)) == ""


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("a" * 65, "at most 64"),
        ("Alice\u202eecila", "invisible"),
        ("Al\u200bice", "invisible"),
        ("Alice\u2066", "invisible"),
        ("Alice\x07", "invisible"),
        ("\u3164", "invisible"),
        ("Al\u115fice", "invisible"),
        ("\ue000lice", "invisible"),
        ("...", "one letter"),
        ("alice@example.com", "would look like an email"),
        ("Аlice", "one alphabet"),
        ("Αlice", "one alphabet"),
        ("Alice Иванова", "one alphabet"),
        ("a\u0301\u0302\u0303lice", "accents"),
    ],
)
def test_a_name_that_could_deceive_is_refused(name: str, sentence: str) -> None:
    assert sentence in display_name_error(display_name_canonical(name))


def test_spaces_in_a_name_are_single() -> None:
    assert display_name_canonical("  Alice \u2003 B.\n") == "Alice B."
