"""Which modules may call what, as far as import-linter cannot check it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from wallets.domain.errors import CATALOGUE, ErrorCode

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("dashboard", "devtools", "kit", "notifications", "telemetry", "transactions", "wallet_project", "wallets")
#: The only modules that write to the books.
LEDGER = {f"transactions/ledger/{name}.py" for name in ("post", "posting", "record")}
#: The only module that creates transactions, from commands.
COMMANDS = "transactions/ledger/commands.py"
#: Writes accepted transactions, which are still to be settled.
ACCEPT = "transactions/settlement/accept.py"
#: The ledger's models, and the methods that write through a queryset or manager.
BOOKS = {"Transaction", "Entry"}
WRITES = {
    *("create", "bulk_create", "get_or_create", "update_or_create", "update", "bulk_update", "delete", "save"),
    *("acreate", "abulk_create", "aget_or_create", "aupdate_or_create", "aupdate", "abulk_update", "adelete", "asave"),
}
WALLET_FIELDS = {"balance", "version"}


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Every module of the project except migrations: (path, syntax tree)."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def imported(tree: ast.Module) -> set[str]:
    """Every module, and every name in a module, that this module imports anywhere."""
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
    """The names in an expression: Entry.objects.filter(…) contains Entry."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def test_only_these_modules_may_post() -> None:
    assert {path for path, tree in modules() if "transactions.ledger.post" in imported(tree)} == {
        "transactions/services.py",
        # Accepting asks the ledger for stored transactions by key. Settlement and its dead letters post.
        ACCEPT,
        "transactions/settlement/settle.py",
        "transactions/settlement/dead_letters.py",
        # Money that staff or the payment provider put into a wallet.
        "transactions/funding/deposits.py",
        # The demo backdates its history, which no entry point may do.
        "transactions/demo/people.py",
    }


def test_no_module_imports_the_ledger_under_another_name() -> None:
    """`from transactions import ledger` and similar imports would bypass the list above."""
    for path, tree in modules():
        assert not imported(tree) & {"transactions.ledger", "transactions.ledger.*"} or path in LEDGER, path
        for call in calls(tree):
            if names_in(call.func) & {"import_module", "import_string", "__import__"}:
                assert "ledger" not in ast.dump(call), f"{path}:{call.lineno}"


def test_only_the_demo_backdates_postings() -> None:
    for path, tree in modules():
        dated = [call for call in calls(tree) if names_in(call.func) == {"post"} and _keywords(call) & {"at"}]
        assert not dated or path.startswith("transactions/demo/"), path


def test_one_module_creates_transactions() -> None:
    for path, tree in modules():
        made = {name for call in calls(tree) if isinstance(call.func, ast.Name) for name in [call.func.id]} & BOOKS
        assert made == set() or (path, made) == (COMMANDS, {"Transaction"}), path


def test_no_module_writes_through_the_models_of_the_books() -> None:
    for path, tree in modules():
        for call in calls(tree):
            if isinstance(call.func, ast.Attribute) and call.func.attr in WRITES:
                assert not names_in(call.func.value) & BOOKS, f"{path}:{call.lineno}"


def test_only_the_ledger_sets_balances() -> None:
    for path, tree in modules():
        if path in LEDGER:
            continue
        for node in ast.walk(tree):
            targets = _targets(node)
            assert not {t.attr for t in targets if isinstance(t, ast.Attribute)} & WALLET_FIELDS, f"{path}:{node}"
        for call in calls(tree):
            if isinstance(call.func, ast.Attribute) and call.func.attr in WRITES:
                assert not _keywords(call) & WALLET_FIELDS, f"{path}:{call.lineno}"


def _targets(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, ast.AugAssign | ast.AnnAssign) else []


def test_only_the_ledger_contains_sql_that_writes_to_the_books() -> None:
    """Migrations are excepted, because no request runs them."""
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
                or (path == ACCEPT and written == ["insert into transactions_transaction"])
            ), f"{path}:{node.lineno}: {written}"


#: What moves money out of a wallet. A token's ceilings bound it.
PAYMENTS = {"withdrawal_create", "transfer_create", "transfer_submit", "transfers_submit"}


def test_every_entry_point_of_programs_says_by_which_mandate_money_moves() -> None:
    seen = 0
    for path, tree in modules():
        if not path.startswith(("transactions/api/", "transactions/rpc/", "transactions/spender.py")):
            continue
        for call in calls(tree):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            # The methods of a spender pay by the spender's mandate.
            is_spenders = ast.unparse(call.func).startswith("spender(")
            if name == "Spender" or (name in PAYMENTS and not is_spenders):
                seen += 1
                assert "mandate" in _keywords(call), f"{path}:{call.lineno}"
    assert seen >= 2 * len(PAYMENTS)


#: The code that counts, moves or formats money.
MONEY = ("transactions/ledger", "transactions/models", "transactions/services.py", "wallets/domain/money.py")


@pytest.mark.parametrize("path", MONEY)
def test_money_is_never_a_float(path: str) -> None:
    files = [ROOT / path] if path.endswith(".py") else sorted((ROOT / path).glob("*.py"))
    assert files
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            where = f"{file.name}:{getattr(node, 'lineno', '')}"
            assert not (isinstance(node, ast.Name) and node.id in {"float", "round"}), where
            assert not (isinstance(node, ast.Attribute) and node.attr in {"FloatField", "DecimalField"}), where
            assert not isinstance(node, ast.Div), where


def test_money_is_never_a_float_in_the_rest_of_the_code_either() -> None:
    """A pause in seconds may be a float, but nothing named amount or balance is divided."""
    for path, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
                named = {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)} | names_in(node)
                assert not named & {"amount", "balance", "balance_after"}, f"{path}:{node.lineno}"
            if isinstance(node, ast.Call) and names_in(node.func) == {"float"}:
                assert not names_in(node) & {"amount", "balance"}, f"{path}:{node.lineno}"


def test_the_catalogue_has_exactly_the_codes() -> None:
    assert set(CATALOGUE) == set(ErrorCode)
