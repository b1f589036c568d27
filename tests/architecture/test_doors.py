"""Who may call what. Import directions are kept by import-linter; this is what it cannot say."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from wallets.domain.errors import CATALOGUE, ErrorCode

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("wallet_project", "transactions", "wallets", "telemetry")
#: The only modules that write the books.
LEDGER = {f"transactions/ledger/{name}.py" for name in ("post", "posting", "record")}
#: The one place where a transaction is made, out of a command.
COMMANDS = "transactions/ledger/commands.py"
#: Where transactions are put on record that are still to be settled.
ACCEPT = "transactions/settlement/accept.py"
#: Where one is put on record as pending that came through Kafka and is left to staff.
BURY = "transactions/settlement/bury.py"
#: Names of the ledger's models, and of what writes through a queryset or a manager.
BOOKS = {"Transaction", "Entry"}
WRITES = {
    *("create", "bulk_create", "get_or_create", "update_or_create", "update", "bulk_update", "delete", "save"),
    *("acreate", "abulk_create", "aget_or_create", "aupdate_or_create", "aupdate", "abulk_update", "adelete", "asave"),
}
HEAD_FIELDS = {"balance", "version"}


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Every module of ours but the migrations: (path, syntax tree)."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def imported(tree: ast.Module) -> set[str]:
    """Every module, and every name of a module, that is imported anywhere in this one."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def calls(tree: ast.Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _keywords(call: ast.Call) -> set[str | None]:
    return {keyword.arg for keyword in call.keywords}


def names_in(node: ast.AST) -> set[str]:
    """The names that an expression is built from: Entry.objects.filter(…) is built from Entry."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def test_these_modules_alone_may_post() -> None:
    assert {path for path, tree in modules() if "transactions.ledger.post" in imported(tree)} == {
        "transactions/services.py",
        # Accepting asks it for what is stored under a key; settling and the dead-letter desk post.
        ACCEPT,
        "transactions/settlement/settle.py",
        "transactions/settlement/dead_letters.py",
        # Through Kafka: accepting asks for keys, settling posts, and so does a burial that came too late.
        "transactions/channels/kafka/accept.py",
        "transactions/channels/kafka/settle.py",
        BURY,
        # The demo's history is dated back, which no door may do.
        "transactions/demo/people.py",
    }


def test_nobody_else_reaches_the_posting_by_another_name() -> None:
    """`from transactions import ledger` and the like would walk around the list above."""
    for path, tree in modules():
        assert not imported(tree) & {"transactions.ledger", "transactions.ledger.*"} or path in LEDGER, path
        for call in calls(tree):
            if names_in(call.func) & {"import_module", "import_string", "__import__"}:
                assert "ledger" not in ast.dump(call), f"{path}:{call.lineno}"


def test_the_demo_alone_dates_a_posting_back() -> None:
    for path, tree in modules():
        dated = [call for call in calls(tree) if names_in(call.func) == {"post"} and _keywords(call) & {"at"}]
        assert not dated or path.startswith("transactions/demo/"), path


def test_transactions_are_made_in_one_place() -> None:
    for path, tree in modules():
        made = {name for call in calls(tree) if isinstance(call.func, ast.Name) for name in [call.func.id]} & BOOKS
        assert made == set() or (path, made) == (COMMANDS, {"Transaction"}), path


def test_nobody_writes_through_the_models_of_the_books() -> None:
    for path, tree in modules():
        for call in calls(tree):
            if isinstance(call.func, ast.Attribute) and call.func.attr in WRITES:
                assert not names_in(call.func.value) & BOOKS, f"{path}:{call.lineno}"


def test_a_balance_is_set_by_the_ledger_alone() -> None:
    for path, tree in modules():
        if path in LEDGER:
            continue
        for node in ast.walk(tree):
            targets = _targets(node)
            assert not {t.attr for t in targets if isinstance(t, ast.Attribute)} & HEAD_FIELDS, f"{path}:{node}"
        for call in calls(tree):
            if isinstance(call.func, ast.Attribute) and call.func.attr in WRITES:
                assert not _keywords(call) & HEAD_FIELDS, f"{path}:{call.lineno}"


def _targets(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, ast.AugAssign | ast.AnnAssign) else []


def test_sql_that_writes_the_books_is_in_the_ledger_alone() -> None:
    """And in no other statement written by hand; migrations, which no request runs, aside."""
    tables = ("transactions_entry", "transactions_transaction", "wallets_wallet")
    for path, tree in modules():
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
                continue
            words = " ".join(node.value.split()).lower()
            written = [
                f"{verb} {table}"
                for verb in ("insert into", "update", "delete from", "truncate", "merge into", "alter table", "copy")
                for table in tables
                if f"{verb} {table}" in words
            ]
            assert (
                not written
                or path in LEDGER
                or (path in {ACCEPT, BURY} and written == ["insert into transactions_transaction"])
            ), f"{path}:{node.lineno}: {written}"


#: Whatever counts, moves or shows money.
MONEY = ("transactions/ledger", "transactions/models.py", "transactions/services.py", "wallets/domain/money.py")


@pytest.mark.parametrize("path", MONEY)
def test_money_never_meets_a_float(path: str) -> None:
    files = [ROOT / path] if path.endswith(".py") else sorted((ROOT / path).glob("*.py"))
    assert files
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            where = f"{file.name}:{getattr(node, 'lineno', '')}"
            assert not (isinstance(node, ast.Name) and node.id in {"float", "round"}), where
            assert not (isinstance(node, ast.Attribute) and node.attr in {"FloatField", "DecimalField"}), where
            assert not isinstance(node, ast.Div), where


def test_money_is_never_a_float_in_the_rest_of_the_money_code_either() -> None:
    """A pause in seconds may be one; nothing called an amount or a balance is divided anywhere."""
    for path, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
                named = {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)} | names_in(node)
                assert not named & {"amount", "balance", "balance_after"}, f"{path}:{node.lineno}"
            if isinstance(node, ast.Call) and names_in(node.func) == {"float"}:
                assert not names_in(node) & {"amount", "balance"}, f"{path}:{node.lineno}"


def test_every_code_of_the_catalogue_has_a_meaning_and_no_other() -> None:
    assert set(CATALOGUE) == set(ErrorCode)
