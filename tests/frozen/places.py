"""Where things lie."""

from pathlib import Path

#: The checkout.
ROOT = Path(__file__).resolve().parents[2]
RECORDED = Path(__file__).parent / "recorded"
PROSE = RECORDED / "prose"
NAMES = RECORDED / "names" / "interface.txt"
