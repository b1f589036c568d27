"""`manage.py audit_ledger` and the nightly audit."""

import json
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from tests.audit.books import Books, books_spoil
from tests.database import acting_as_owner
from transactions.tasks import BooksError, audit_nightly
from wallet_project.celery import app


def test_it_prints_the_totals_of_correct_books(books: Books) -> None:
    out = StringIO()

    call_command("audit_ledger", stdout=out)

    printed = out.getvalue()
    assert "0 pending, 3 posted, 0 failed" in printed
    assert "entries       6" in printed
    assert ["USD", "$95.00", "$95.00", "$0.00"] in [line.split() for line in printed.splitlines()]
    assert "The books balance." in printed


def test_it_prints_each_fault_and_exits_with_1(books: Books) -> None:
    books_spoil(f"UPDATE wallets_wallet SET balance = 1 WHERE id = {books.charlie}")
    out = StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("audit_ledger", stdout=out)

    assert ended.value.code == 1
    assert "The books do NOT balance. Findings: 2." in out.getvalue()
    assert f"wallet {books.charlie}: its balance is 1, its entries sum to 0" in out.getvalue()


def test_it_says_that_it_names_only_the_first_findings(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transactions.audit.FINDINGS_NAMED_MAX", 1)
    books_spoil("UPDATE wallets_wallet SET version = version + 1 WHERE owner_id IS NOT NULL")
    out = StringIO()

    with pytest.raises(SystemExit):
        call_command("audit_ledger", stdout=out)

    assert "Findings: 3." in out.getvalue()
    assert "only the first" in out.getvalue()


def test_it_prints_json(books: Books) -> None:
    out = StringIO()

    call_command("audit_ledger", json=True, stdout=out)

    printed = json.loads(out.getvalue())
    assert printed["clean"] is True
    assert printed["currencies"] == [{"currency": "USD", "held": 9500, "outside": -9500, "entries_total": 0}]


def test_it_says_so_if_the_books_cannot_be_read(books: Books) -> None:
    with acting_as_owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE transactions_entry RENAME TO gone")

    with pytest.raises(CommandError, match="could not be read") as failed:
        call_command("audit_ledger")

    assert failed.value.returncode == 1


def test_the_nightly_audit_accepts_correct_books(books: Books) -> None:
    audit_nightly()


def test_the_nightly_audit_fails_if_the_books_do_not_balance(books: Books, caplog: pytest.LogCaptureFixture) -> None:
    books_spoil(f"UPDATE wallets_wallet SET balance = 1 WHERE id = {books.charlie}")

    with pytest.raises(BooksError, match="2 findings"):
        audit_nightly()

    assert f"wallet {books.charlie}" in caplog.text
    assert "its balance is 1" in caplog.text


def test_every_task_of_the_schedule_exists() -> None:
    app.loader.import_default_modules()

    assert {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} <= set(app.tasks)
