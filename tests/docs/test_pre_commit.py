"""The hooks of pre-commit run the checks of `make lint`: all of them, and no others."""

import re
import shlex

import yaml

from tests.docs.markdown import ROOT

#: What pre-commit needs and `make lint` does not: the list of files decides, and whole folders are not named.
_OF_FILES = {"--force-exclude"}
_OF_FOLDERS = {"."}


def words(command: str) -> tuple[str, ...]:
    kept = [word for word in shlex.split(command) if word not in _OF_FILES | _OF_FOLDERS]
    return tuple(word.removeprefix(".venv/bin/") for word in kept)


def test_the_hooks_are_the_checks_of_make_lint() -> None:
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    checks = {words(line.replace("$(BIN)/", "")) for line in recipe[1].splitlines()}
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = {words(hook["entry"]) for repo in config["repos"] for hook in repo["hooks"]}
    assert hooks == checks
