"""JSON bodies as they are recorded: keys sorted, volatile values named, sentences for people kept apart."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.frozen.names import Names

PROSE = "<prose>"
#: Members that hold a sentence for people.
_SENTENCES = {"detail", "title", "description", "message"}
#: Members whose values are lists of sentences, by the field that they are about.
_BY_FIELD = {"errors"}
#: Members that hold a number of a row, even where it is short.
_IDS = {"id"}
_WIDTH = 160
#: Is told of each sentence, and of where it stood.
Told = Callable[[str, str], None]


def json_text(body: object, names: Names, told: Told) -> str:
    return folded(_kept(body, names, told, ""))


def folded(value: Any, indent: str = "") -> str:
    """JSON with sorted keys, on one line where that is short enough to read."""
    line = json.dumps(value, sort_keys=True, ensure_ascii=False)
    if len(indent) + len(line) <= _WIDTH or not isinstance(value, dict | list) or not value:
        return line
    inner = f"{indent}  "
    if isinstance(value, dict):
        parts = [f"{json.dumps(name, ensure_ascii=False)}: {folded(value[name], inner)}" for name in sorted(value)]
        return "{\n" + ",\n".join(inner + part for part in parts) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + folded(item, inner) for item in value) + f"\n{indent}]"


def request_text(body: object, names: Names) -> str:
    """What was sent, on one line."""
    return names.text(json.dumps(body, ensure_ascii=False))


def _kept(value: Any, names: Names, told: Told, path: str) -> Any:
    if isinstance(value, Mapping):
        members = {**value, **_settled_later(value, names)}
        return {names.text(name): _member(name, one, names, told, f"{path}.{name}") for name, one in members.items()}
    if isinstance(value, list):
        return [_kept(item, names, told, f"{path}[{number}]") for number, item in enumerate(value)]
    return names.text(value) if isinstance(value, str) else value


def _settled_later(value: Mapping[str, Any], names: Names) -> dict[str, str]:
    """The times of a transaction that was settled some time after it was accepted, and of its entry.

    They are named after the transaction: whether two transactions were settled in one batch is not to be seen.
    """
    transaction = value.get("transaction", value)
    if not isinstance(transaction, Mapping) or not {"id", "created_at", "settled_at"} <= transaction.keys():
        return {}
    settled_at = transaction["settled_at"]
    if settled_at in {None, transaction["created_at"]}:
        return {}
    name = f"<time settled {names.text(transaction['id']).strip('<>')}>"
    return {key: name for key in ("created_at", "settled_at") if value.get(key) == settled_at}


def _member(name: str, value: Any, names: Names, told: Told, path: str) -> Any:
    if name in _SENTENCES and isinstance(value, str):
        told(path, names.prose(value))
        return PROSE
    if name in _BY_FIELD and isinstance(value, Mapping):
        return {field: [_prose(one, names, told, f"{path}.{field}") for one in value[field]] for field in value}
    if name in _IDS and isinstance(value, str) and value.isdigit() and not names.text(value).startswith("<"):
        return names.numbered("row", value)
    return _kept(value, names, told, path)


def _prose(sentence: str, names: Names, told: Told, path: str) -> str:
    told(path, names.prose(sentence))
    return PROSE
