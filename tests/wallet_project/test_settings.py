"""docs/settings.md lists every environment variable of the project, with the default that the code has."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from wallet_project.embedded import BASE_DIR

PAGE = BASE_DIR / "docs" / "settings.md"
MODULES = sorted((BASE_DIR / "wallet_project" / "settings").glob("*.py"))
#: What runs in a deployment besides the settings.
DEPLOYED = [
    path
    for folder in (
        "deploy",
        "kit",
        "telemetry",
        "transactions",
        "wallet_project",
        "wallets",
        "dashboard",
        "notifications",
    )
    for path in sorted((BASE_DIR / folder).rglob("*.py"))
    if path not in MODULES
]
COMPOSE_FILES = sorted(BASE_DIR.glob("docker-compose*.yml"))
#: Where a variable may be read that only developers set. Compose files, make and shell spell it ${NAME} or $(NAME).
DEVELOPMENT = [
    *sorted((BASE_DIR / "devtools").rglob("*.py")),
    *sorted((BASE_DIR / "bench").rglob("*.py")),
    *(path for path in sorted((BASE_DIR / "tests").rglob("*.py")) if path != Path(__file__)),
]
TEMPLATED = [*COMPOSE_FILES, BASE_DIR / "Makefile", BASE_DIR / "deploy" / "bootstrap.sh"]
ROW = re.compile(r"^\| `([A-Z][A-Z0-9_]*)` \|(?:[^|]*)\|([^|]*)\|[^|]+\|$", re.MULTILINE)

settings_part, elsewhere_part = PAGE.read_text().split("\n## Read outside the settings\n")
#: The default as the page shows it, by variable.
SETTINGS = {name: default.strip() for name, default in ROW.findall(settings_part)}
ELSEWHERE = {name: default.strip() for name, default in ROW.findall(elsewhere_part)}


def variables_read(path: Path) -> Iterator[tuple[str, ast.expr | None]]:
    """The names, and the defaults if any, in `env("NAME")`, `env.<type>("NAME")`, `os.environ.<method>("NAME")`,
    `os.getenv("NAME")`, `os.environ["NAME"]` and `"NAME" in os.environ`."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(func=function, args=[ast.Constant(str(name)), *_]) if reads_environment(function):
                yield name, next((word.value for word in node.keywords if word.arg == "default"), None)
            case ast.Subscript(value=value, slice=ast.Constant(str(name))) if reads_environment(value):
                yield name, None
            case ast.Compare(left=ast.Constant(str(name)), comparators=[value]) if reads_environment(value):
                yield name, None


def reads_environment(node: ast.expr) -> bool:
    """Whether the expression is django-environ's `env`, `os.environ`, `os.getenv`, or a method of one of them."""
    match node:
        case ast.Name("env" | "environ" | "getenv") | ast.Attribute(attr="environ" | "getenv"):
            return True
        case ast.Attribute(value=value):
            return reads_environment(value)
    return False


def literals_in(path: Path) -> set[str]:
    """Every string of a module that could name a variable, however it is read."""
    nodes = ast.walk(ast.parse(path.read_text()))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def templated_in(path: Path) -> set[str]:
    return set(re.findall(r"\$[({]([A-Z][A-Z0-9_]*)", path.read_text()))


def uncommented_in(path: Path) -> Iterator[str]:
    """The assignments that read a variable and have no comment in the line above."""
    source = path.read_text()
    for statement in ast.parse(source).body:
        reads = re.search(r"\benv(\.\w+)?\(", ast.get_source_segment(source, statement) or "")
        if isinstance(statement, ast.Assign) and reads:
            above = source.splitlines()[statement.lineno - 2]
            if not above.startswith("# "):
                yield f"{path.name}:{statement.lineno}"


def names_read(paths: list[Path]) -> set[str]:
    return {name for path in paths for name, _ in variables_read(path)}


def as_documented(default: object) -> str:
    """A default of the code as the page shows it."""
    match default:
        case bool():
            return f"`{int(default)}`"
        case list():
            return f"`{','.join(default)}`" if default else "empty"
        case float():
            return f"`{default:g}`"
    return f"`{default}`" if default or default == 0 else "empty"


def test_every_variable_of_the_settings_is_documented() -> None:
    assert names_read(MODULES) - SETTINGS.keys() == set()


def test_every_documented_variable_of_the_settings_exists() -> None:
    assert SETTINGS.keys() - names_read(MODULES) == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_setting_is_documented_under_its_own_module(path: Path) -> None:
    _, _, rest = settings_part.partition(f"(`{path.name}`)\n")
    section = rest.partition("\n## ")[0]

    assert {name for name, _ in ROW.findall(section)} == names_read([path])


def test_documented_defaults_are_those_of_the_code() -> None:
    compared = {}
    for path in MODULES:
        for name, default in variables_read(path):
            try:
                compared[name] = as_documented(ast.literal_eval(default)) if default is not None else ""
            except ValueError:
                continue  # It is worked out at start, so the page describes it in words.

    assert len(compared) > 30
    assert compared == {name: SETTINGS.get(name) for name in compared}


def test_every_variable_that_a_deployment_reads_elsewhere_is_documented() -> None:
    in_compose = {name for path in COMPOSE_FILES for name in templated_in(path)}

    assert (names_read(DEPLOYED) | in_compose) - SETTINGS.keys() - ELSEWHERE.keys() == set()


def test_every_variable_documented_as_read_elsewhere_exists() -> None:
    in_python = {text for path in [*DEPLOYED, *DEVELOPMENT] for text in literals_in(path)}
    in_templates = {name for path in TEMPLATED for name in templated_in(path)}

    assert ELSEWHERE.keys() - in_python - in_templates == set()


def test_no_variable_is_documented_twice() -> None:
    names = [name for name, _ in ROW.findall(PAGE.read_text())]

    assert sorted(set(names)) == sorted(names)


def test_a_comment_stands_directly_above_each_setting_that_reads_a_variable() -> None:
    assert [place for path in MODULES for place in uncommented_in(path)] == []
