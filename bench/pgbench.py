"""The baseline: the same transfer by pgbench, a client in C, on the same tables with their indexes and guards.

Three ways to send it: four round trips, as the ledger does it; the same four in one pipeline; one statement that locks,
decides and writes. The fastest, at its best number of clients, is what everything else is compared with.
"""

import math
import re
import resource
import statistics
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.cpu import Cpu
from bench.people import People
from bench.stage import Stage
from wallets.node_leases import snowflake_next

CLIENTS = (1, 8, 16)
_CURRENCY = "USD"
# Ids rise with time over all clients, as Snowflakes do, and lie inside one millisecond that no process made ids in.
_PICK = r"""
\set n :n + 1
\set id :first_id + :n * 32 + :client_id
\set a random(0, :wallets - 1)
\set b (:a + random(1, :wallets - 1)) % :wallets
\set source :first_wallet + :a
\set destination :first_wallet + :b
\set initiator :first_user + :a
"""
_LOCK = """
SELECT id, currency, status, balance, version, updated_at FROM wallets_wallet
WHERE id IN (:source, :destination) AND owner_id IS NOT NULL ORDER BY id FOR NO KEY UPDATE"""
_HEADS = """heads AS (
    UPDATE wallets_wallet AS w SET balance = w.balance + CASE WHEN w.id = :source THEN -1 ELSE 1 END,
        version = w.version + 1, updated_at = greatest(w.updated_at, now())
    {locked} RETURNING w.id, w.balance, w.version, w.updated_at
)"""
_ROWS = """posted AS (
    INSERT INTO transactions_transaction (id, kind, status, currency, amount, source_id, destination_id, memo,
        initiator_id, created_at, settled_at, failure_code)
    VALUES (:id, 'transfer', 'posted', 'USD', 1, :source, :destination, '', :initiator, now(), now(), '')
)
INSERT INTO transactions_entry (transaction_id, wallet_id, sequence, amount, balance_after, created_at)
SELECT (:id)::bigint, id, version, CASE WHEN id = :source THEN -1 ELSE 1 END, balance, updated_at FROM heads
ORDER BY id = :destination"""
_WRITE = f"WITH {_HEADS.format(locked='WHERE w.id IN (:source, :destination)')}, {_ROWS};"
_FOUR = f"BEGIN;{_LOCK};\n{_WRITE}\nCOMMIT;\n"
_ONE = (
    f"WITH locked AS MATERIALIZED ({_LOCK}\n), {_HEADS.format(locked='FROM locked WHERE w.id = locked.id')}, {_ROWS};\n"
)
FORMS: Mapping[str, str] = {
    "four round trips": _PICK + _FOUR,
    "one pipeline": _PICK + "\\startpipeline\n" + _FOUR + "\\endpipeline\n",
    "one statement": _PICK + _ONE,
}
_TPS = re.compile(r"^tps = ([0-9.]+) ", re.MULTILINE)


@dataclass(slots=True)
class Baseline:
    """The way that was the fastest, its rounds (transfers per second), their latencies, and the processor time of
    one transfer in each."""

    form: str
    clients: int
    rounds: list[float] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)
    cpu: list[Cpu] = field(default_factory=list)

    @property
    def per_s(self) -> float:
        return statistics.median(self.rounds) if self.rounds else math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    per_s: float
    latencies_ms: Sequence[float]
    cpu: Cpu


def baseline_choose(
    stage: Stage, people: People, *, seconds: float
) -> tuple[Baseline, Mapping[tuple[str, int], float]]:
    """Tries every form at every number of clients; the best of them, and what each did."""
    tried = {
        (form, clients): _pgbench(stage, people, form=form, clients=clients, seconds=seconds).per_s
        for form in FORMS
        for clients in CLIENTS
    }
    form, clients = max(tried, key=lambda way: tried[way])
    return Baseline(form=form, clients=clients), tried


def baseline_round(stage: Stage, people: People, baseline: Baseline, *, seconds: float) -> None:
    """One more round of the chosen way: the rounds are spread over the whole run, as the machine's moods are."""
    run = _pgbench(stage, people, form=baseline.form, clients=baseline.clients, seconds=seconds)
    baseline.rounds.append(run.per_s)
    baseline.latencies_ms += run.latencies_ms
    baseline.cpu.append(run.cpu)


def _pgbench(stage: Stage, people: People, *, form: str, clients: int, seconds: float) -> _Run:
    variables = {
        "n": 0,
        "first_id": snowflake_next(),
        "wallets": len(people.wallets),
        "first_wallet": people.wallets[0].pk,
        "first_user": people.users[0].pk,
    }
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "transfer.sql"
        script.write_text(FORMS[form])
        meter, before_s = stage.meter(), _children_cpu_s()
        meter.start()
        done = subprocess.run(
            [
                str(stage.programs / "pgbench"), "--no-vacuum", "--protocol=prepared", "--log",
                f"--file={script}", f"--client={clients}", f"--jobs={min(clients, 2)}",
                f"--time={max(1, round(seconds))}",
                *(f"--define={name}={value}" for name, value in variables.items()),
                f"--host={stage.places.sockets}", "--username=postgres", "wallet",
            ],
            cwd=folder, capture_output=True, text=True, check=False, timeout=seconds + 60,
        )  # fmt: skip
        used = meter.stop(load_ms=(_children_cpu_s() - before_s) * 1_000)
        found = _TPS.search(done.stdout)
        if done.returncode != 0 or not found or "ERROR" in done.stderr:
            raise RuntimeError(f"pgbench failed ({form}): {done.stderr.strip()[-500:]}")
        latencies_ms = _latencies_ms(Path(folder))
        return _Run(per_s=float(found[1]), latencies_ms=latencies_ms, cpu=used.per(len(latencies_ms)))


def _children_cpu_s() -> float:
    """Of our own children that have ended: pgbench is the only one that ends meanwhile."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _latencies_ms(folder: Path) -> list[float]:
    """From pgbench's log, whose third column is each transaction's time in microseconds."""
    lines = (line for log in folder.glob("pgbench_log.*") for line in log.read_text().splitlines())
    return [int(line.split(" ", 3)[2]) / 1_000 for line in lines]
