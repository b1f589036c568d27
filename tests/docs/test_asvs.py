"""The page on OWASP ASVS is complete, adds up, and names only files and tests that exist."""

import re
from collections import Counter
from functools import cache

from tests.docs.markdown import ROOT

PAGE = ROOT / "docs" / "asvs.md"
#: Sections of ASVS 5.0.0 and, in order, the levels of their requirements. A dash is a requirement of level 3.
LEVELS = {
    "1.1": "22", "1.2": "111112222-", "1.3": "11222222222-", "1.4": "222", "1.5": "12-",
    "2.1": "122", "2.2": "112", "2.3": "1222-", "2.4": "2-",
    "3.1": "-", "3.2": "11-", "3.3": "1222-", "3.4": "112222--", "3.5": "11122---", "3.6": "-", "3.7": "22---",
    "4.1": "122--", "4.2": "2----", "4.3": "22", "4.4": "1222",
    "5.1": "2", "5.2": "112---", "5.3": "11-", "5.4": "222",
    "6.1": "122", "6.2": "111111112222", "6.3": "1122----", "6.4": "1122--", "6.5": "22222---", "6.6": "222-",
    "6.7": "--", "6.8": "2222",
    "7.1": "222", "7.2": "1111", "7.3": "22", "7.4": "11222", "7.5": "22-", "7.6": "22",
    "8.1": "12--", "8.2": "112-", "8.3": "1--", "8.4": "2-",
    "9.1": "111", "9.2": "1222",
    "10.1": "22", "10.2": "22-", "10.3": "2222-", "10.4": "11111222222-----", "10.5": "22222", "10.6": "22",
    "10.7": "222",
    "11.1": "22--", "11.2": "222--", "11.3": "112--", "11.4": "1222", "11.5": "2-", "11.6": "2-", "11.7": "--",
    "12.1": "122--", "12.2": "11", "12.3": "2222-",
    "13.1": "2---", "13.2": "22222-", "13.3": "22--", "13.4": "12222--",
    "14.1": "22", "14.2": "1222----", "14.3": "122",
    "15.1": "122--", "15.2": "122--", "15.3": "1222222", "15.4": "----",
    "16.1": "2", "16.2": "22222", "16.3": "2222", "16.4": "222", "16.5": "222-",
    "17.1": "2-", "17.2": "2222----", "17.3": "22",
}  # fmt: skip
_ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| ([12]) \| (.+?) \| (.+?) \| (.+) \|$", re.MULTILINE)
_TOTAL = re.compile(r"^\| ([a-z ]+) \| (\d+) \| (\d+) \| (\d+) \|$", re.MULTILINE)
_GAP = re.compile(r"^\| (\d+\.\d+\.\d+(?:, \d+\.\d+\.\d+)*) \| [^|]+ \|$", re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")
_FILE = re.compile(r"[\w./-]+\.(?:py|conf|sql|yml|html|js|toml|txt|md)|\.dockerignore")
VERDICTS = ("met", "partly", "not met", "does not apply")


def verdicts() -> dict[str, str]:
    """The verdict on each requirement, without what is said beside it."""
    return {number: verdict.partition(" (")[0] for number, _, _, verdict, _ in _ROW.findall(PAGE.read_text())}


def test_it_has_every_requirement_of_levels_1_and_2_once_and_in_order() -> None:
    expected = [
        (f"{section}.{position}", level)
        for section, levels in LEVELS.items()
        for position, level in enumerate(levels, start=1)
        if level != "-"
    ]
    # What the standard itself says that it has.
    assert Counter(level for _, level in expected) == {"1": 70, "2": 183}
    assert [(number, level) for number, level, *_ in _ROW.findall(PAGE.read_text())] == expected


def test_its_summary_adds_up() -> None:
    levels = {number: level for number, level, *_ in _ROW.findall(PAGE.read_text())}
    counted = Counter((verdict, levels[number]) for number, verdict in verdicts().items())
    said = {verdict: tuple(map(int, numbers)) for verdict, *numbers in _TOTAL.findall(PAGE.read_text())}
    for verdict in VERDICTS:
        first, second = counted.pop((verdict, "1"), 0), counted.pop((verdict, "2"), 0)
        assert said[verdict] == (first, second, first + second)
    assert counted == {}
    assert said["all"] == (70, 183, 253)


def test_it_explains_everything_that_is_not_met() -> None:
    explained = [number for numbers in _GAP.findall(PAGE.read_text()) for number in numbers.split(", ")]
    assert len(explained) == len(set(explained))
    assert set(explained) == {number for number, verdict in verdicts().items() if verdict in {"partly", "not met"}}


def test_every_file_and_test_that_it_names_exists() -> None:
    cited = [code.partition("::") for code in _CODE.findall(PAGE.read_text()) if "::" in code or _FILE.fullmatch(code)]
    assert len(cited) > 200
    missing = ["".join(one) for one in cited if not _exists(one[0], one[2])]
    assert missing == []


def test_it_notices_a_file_and_a_test_that_do_not_exist() -> None:
    assert _exists("tests/docs/test_asvs.py", "test_its_summary_adds_up")
    assert not _exists("tests/docs/test_asvs.py", "test_its_summary")
    assert not _exists("tests/docs/nothing.py", "")


def test_what_is_met_has_evidence() -> None:
    bare = [
        number
        for number, _, _, verdict, evidence in _ROW.findall(PAGE.read_text())
        if verdict == "met" and "`" not in evidence and "](" not in evidence
    ]
    assert bare == []


@cache
def _exists(path: str, test: str) -> bool:
    file = ROOT / path
    return file.is_file() and (not test or f"def {test}(" in file.read_text())
