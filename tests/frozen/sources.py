"""Names found in the project's source, wherever a module lives."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.apps import AppConfig, apps

from tests.frozen.places import ROOT

#: Folders of the checkout that no deployment runs.
_LEFT_OUT = {"tests", "bench", "clients", "docs", "staticfiles"}
_VARIABLES = (
    re.compile(r'\benv(?:\.\w+)?\(\s*["\']([A-Z][A-Z0-9_]*)'),
    re.compile(r'\benviron(?:\.get|\.setdefault)?[\[(]\s*["\']([A-Z][A-Z0-9_]*)'),
    re.compile(r'"([A-Z][A-Z0-9_]*)" (?:not )?in os\.environ'),
)


def source_files() -> list[Path]:
    """The Python files that run in a deployment or on a developer's machine."""
    return sorted(
        file
        for file in ROOT.rglob("*.py")
        if not _LEFT_OUT & set(file.relative_to(ROOT).parts)
        and not any(part.startswith(".") for part in file.relative_to(ROOT).parts)
    )


def environment_variables() -> list[str]:
    """The variables that anything reads."""
    texts = [file.read_text() for file in source_files()]
    return sorted({name for text in texts for pattern in _VARIABLES for name in pattern.findall(text)})


def topic_prefix_uses() -> list[str]:
    """What is made from KAFKA_TOPIC_PREFIX: topics, and the group of the consumers."""
    trees = [ast.parse(file.read_text()) for file in source_files()]
    strings = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    texts = {ast.unparse(node).strip("f\"'") for node in strings}
    return sorted(text for text in texts if "KAFKA_TOPIC_PREFIX" in text)


def project_apps() -> list[AppConfig]:
    """The apps that are ours, by label."""
    ours = [
        config
        for config in apps.get_app_configs()
        if Path(config.path).is_relative_to(ROOT) and "site-packages" not in Path(config.path).parts
    ]
    return sorted(ours, key=lambda config: config.label)


def migration_files() -> list[tuple[str, Path]]:
    """The label of the app and the file of each of our migrations."""
    return [
        (config.label, file)
        for config in project_apps()
        for file in sorted((Path(config.path) / "migrations").glob("[0-9]*.py"))
    ]


def migration_imports() -> list[str]:
    """The dotted paths into our own packages that migrations need, forever."""
    found = {path for _, file in migration_files() for path in _own_paths(ast.parse(file.read_text()))}
    return sorted(found)


def _own_paths(tree: ast.AST) -> Iterator[str]:
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and _is_own(node.module):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        if isinstance(node, ast.Attribute):
            path = ast.unparse(node)
            if _is_own(path) and any(path.startswith(f"{module}.") for module in modules):
                yield path


def _is_own(path: str) -> bool:
    return (ROOT / path.partition(".")[0]).is_dir()
