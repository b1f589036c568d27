"""Names for values that differ from run to run, so that two recordings of the same behaviour read the same.

A value that the scenario knows has a label: `<id:alice usd>`. Others are numbered in the order in which an area shows
them: `<id:1>`, `<time:2>`. The same value has the same name throughout an area, so a recording still shows that the
`Location` of a transfer leads to the transfer, or that a replay has the ETag of the first answer.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_TIME = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"
_DAY = r"(?<![\w-])\d{4}-\d\d-\d\d(?![\w-])"
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
#: A transaction's or wallet's id has this many digits; no amount has.
_ID = r"(?<![\w.])\d{17,19}(?!\w)"
#: The number of a row in an address of the admin.
_ROW = r"(?<=/)\d+(?=/(?:change|history|delete)/)"
_HEX = r"[0-9a-f]{64,}"
#: It holds the time at which it was made.
_KEY = r"(?:(?<=/accounts/confirm-email/)|(?<=/accounts/lock/)|(?<=/accounts/email/undo/))[-:\w]{20,}"
#: The part of a weak ETag that headers_text() numbers, too.
_ETAG = r'(?<=W/)"[\w-]{16}"'
_VOLATILE: Final = "|".join(
    f"(?P<{kind}>{pattern})"
    for kind, pattern in {
        "key": _KEY, "time": _TIME, "day": _DAY, "uuid": _UUID, "id": f"{_ID}|{_ROW}", "hex": _HEX, "etag": _ETAG,
    }.items()
)  # fmt: skip
_SECONDS = re.compile(r"\b\d+ s\b")
#: Times further away than this are constants of the scenario.
_NEAR = timedelta(days=400)


class Names:
    """Turns volatile values into names."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._numbers: dict[str, dict[str, int]] = {}
        self._began = datetime.now(UTC)
        self._pattern = re.compile(_VOLATILE)

    def know(self, label: str, value: str) -> None:
        """From now on, `value` is shown as `<label>`."""
        self._known[value] = f"<{label}>"
        longest_first = sorted(self._known, key=len, reverse=True)
        self._pattern = re.compile(f"(?P<known>{'|'.join(map(re.escape, longest_first))})|{_VOLATILE}")

    def area_begin(self) -> None:
        """Numbers start at 1 again, so that a new exchange changes the recording of its own area only."""
        self._numbers.clear()

    def numbers_kept(self) -> dict[str, dict[str, int]]:
        """The numbers so far, for `numbers_restore`."""
        return {kind: dict(numbers) for kind, numbers in self._numbers.items()}

    def numbers_restore(self, kept: dict[str, dict[str, int]]) -> None:
        """Takes back the numbers given since, because what was shown since is not recorded after all."""
        self._numbers = kept

    def text(self, text: str) -> str:
        """The text with names in place of volatile values."""
        return self._pattern.sub(self._name, text)

    def prose(self, text: str) -> str:
        """The text with kinds in place of volatile values: prose takes no numbers from what is compared."""
        return _SECONDS.sub("<n> s", self._pattern.sub(self._kind, " ".join(text.split())))

    def numbered(self, kind: str, value: str) -> str:
        """The name of a value that is volatile because of where it stands."""
        numbers = self._numbers.setdefault(kind, {})
        return f"<{kind}:{numbers.setdefault(value, len(numbers) + 1)}>"

    def numbered_before(self, kind: str, value: str) -> str:
        """The same, where the value was shown before; else the value itself."""
        return self.numbered(kind, value) if value in self._numbers.get(kind, {}) else value

    def moment(self, moment: datetime) -> str:
        """The name of a time, however it was written."""
        return self.numbered("time", moment.astimezone(UTC).isoformat())

    def _kind(self, found: re.Match[str]) -> str:
        return self._known.get(found[0], f"<{found.lastgroup}>")

    def _name(self, found: re.Match[str]) -> str:
        kind, text = found.lastgroup or "", found[0]
        if kind == "known":
            return self._known[text]
        if kind == "key":
            return "<key>"
        if kind not in {"time", "day"}:
            return self.numbered(kind, text)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:  # the thirtieth of February
            return text
        if abs(moment.replace(tzinfo=moment.tzinfo or UTC) - self._began) > _NEAR:
            return text
        return self.moment(moment) if kind == "time" else "<day>"
