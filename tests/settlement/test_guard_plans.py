"""The cost of the guards is linear in the rows written, and does not depend on the size of the books.

A connection keeps the guards' query plans. So this test makes Postgres plan while the tables are almost empty.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection

from tests.database import acting_as_superuser
from tests.ledger.test_history_plans import nodes
from tests.people import crowd_wallets, funded
from tests.settlement.books import assert_settled
from tests.settlement.transfers import accept, drain, transfer

pytestmark = pytest.mark.django_db(transaction=True)

JOBS = 300
#: The rows that a step of a plan may handle per job: both sides, and a few indexes.
ROWS_PER_JOB = 4


@contextmanager
def plans_watched() -> Iterator[list[dict[str, Any]]]:
    """Collects every plan that Postgres executes within this context, also in triggers."""
    plans: list[dict[str, Any]] = []

    def note(diagnostic: psycopg.errors.Diagnostic) -> None:
        _, found, plan = (diagnostic.message_primary or "").partition("plan:\n")
        if found:
            plans.append(json.loads(plan))

    session: psycopg.Connection[Any] = connection.connection
    options = {
        "auto_explain.log_min_duration": "0",
        "auto_explain.log_analyze": "on",
        "auto_explain.log_nested_statements": "on",
        "auto_explain.log_format": "json",
        "auto_explain.log_level": "notice",
        "auto_explain.log_parameter_max_length": "0",
    }
    with acting_as_superuser(), connection.cursor() as cursor:
        cursor.execute("LOAD 'auto_explain'")
        for name, value in options.items():
            cursor.execute("SELECT set_config(%s, %s, false)", [name, value])
    session.add_notice_handler(note)
    try:
        yield plans
    finally:
        session.remove_notice_handler(note)
        with acting_as_superuser(), connection.cursor() as cursor:
            cursor.execute("SET auto_explain.log_min_duration = -1")


def rows_handled(node: dict[str, Any]) -> float:
    """The rows that this step returned or removed, over all its executions."""
    removed = sum(value for name, value in node.items() if name.startswith("Rows Removed by"))
    return float((node["Actual Rows"] + removed) * node["Actual Loops"])


def test_a_plan_made_for_one_transfer_is_good_for_hundreds() -> None:
    alice, bob = funded("alice", 10_000), funded("bob")
    for _ in range(6):
        accept([transfer(alice, bob)])
        drain(alice)
    receivers = crowd_wallets(JOBS, 0)

    with plans_watched() as plans:
        accepted = accept([transfer(alice, receiver) for receiver in receivers])
        drain(alice)

    assert_settled(accepted, posted=JOBS)
    guards = [plan for plan in plans if "new_" in plan["Query Text"] or "old_" in plan["Query Text"]]
    assert len(guards) >= 10
    for plan in guards:
        busiest = max(map(rows_handled, nodes(plan["Plan"])))
        assert busiest <= ROWS_PER_JOB * JOBS, plan["Query Text"]
