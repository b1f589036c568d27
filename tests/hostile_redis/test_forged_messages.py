"""Somebody who can write to Celery's broker can delay work. They run no code, move no money and stop no worker."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from celery import current_app

from tests.hostile_redis.attacker import pickled
from tests.settlement.broker import Broker
from tests.settlement.conftest import broker, places, worker_start
from tests.settlement.waiting import wait_until
from tests.settlement.worker import Worker
from wallets.models import User, Wallet
from wallets.warming import person_warm_up

__all__ = ["broker", "places", "worker_start"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.long]

Message = dict[str, Any]


@pytest.fixture
def genuine(broker: Broker, alice: User) -> Message:
    """A message that the site has sent."""
    person_warm_up(alice.pk)
    [message] = broker.messages()
    broker.wipe()
    parsed: Message = json.loads(message)
    del parsed["headers"]["expires"]
    return parsed


def with_body(message: Message, body: bytes, content_type: str = "application/json") -> Message:
    return message | {"body": base64.b64encode(body).decode(), "content-type": content_type}


def with_call(message: Message, task: str, *arguments: object, **options: object) -> Message:
    body = json.dumps([arguments, {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None} | options])
    changed = with_body(message, body.encode())
    return changed | {"headers": message["headers"] | {"task": task}}


def forgeries(message: Message, ran: Path) -> list[bytes]:
    """Messages that no site sends."""
    warm, drain = message["headers"]["task"], "transactions.tasks.partition_drain_task"
    wallets = "transactions.tasks.wallets_warm_task"
    signature: Message = {
        "task": drain,
        "args": [1],
        "kwargs": {},
        "options": {},
        "subtask_type": None,
        "immutable": True,
    }
    pickle_types = ("application/x-python-serialize", "application/x-pickle", "application/data")
    whole: list[object] = [
        *(with_body(message, pickled(ran), content_type) for content_type in pickle_types),
        with_body(message, b"import os; os.abort()", "application/x-yaml"),
        with_body(message, b"\xff\xfe"),
        with_body(message, b"{}"),
        with_body(message, b"[" * 100_000),
        with_call(message, "os.system", f"touch {ran}"),
        with_call(message, "builtins.exec", f"open({str(ran)!r}, 'w')"),
        with_call(message, "celery.map", signature, [[1], [2]]),
        with_call(message, warm, "1; DROP TABLE wallets_user"),
        with_call(message, warm, {"__type__": "date", "__value__": "x"}),
        with_call(message, warm, 10**30),
        with_call(message, drain, "../../etc/passwd"),
        with_call(message, drain, -1),
        with_call(message, drain, [1, 2]),
        with_call(message, wallets, list(range(5_000))),
        with_call(message, wallets, 5),
        with_call(message, "wallets.tasks.cache_sweep_task", callbacks=[signature], chain=[signature]),
        message | {"headers": {"task": 5, "id": [], "lang": "py"}},
        message | {"headers": {}},
        message | {"headers": None},
        message | {"properties": {}},
        message | {"properties": "x"},
        *({key: value for key, value in message.items() if key != gone} for gone in message),
        [], {}, None, 5, "text",
    ]  # fmt: skip
    return [*(json.dumps(one).encode() for one in whole), b"", b"\xff\xfe\x00", b"{", pickled(ran), b"[" * 100_000]


def test_a_worker_outlives_every_forged_message_and_goes_on_working(
    genuine: Message, worker_start: Callable[..., Worker], broker: Broker, alice: User, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    before = Wallet.objects.values_list("id", "balance", "version").order_by("id")
    worker = worker_start()
    wait_until(lambda: " ready" in worker.log_text(), what="the worker is ready")

    for forged in forgeries(genuine, ran):
        broker.deliver(forged)
    wait_until(lambda: broker.messages() == [], what="everything was read")
    person_warm_up(alice.pk)

    wait_until(lambda: broker.messages() == [], what="the genuine message was read")
    wait_until(lambda: broker.unacknowledged() == 0, what="everything was handled")
    assert worker.process.poll() is None
    assert not ran.exists()
    assert list(Wallet.objects.values_list("id", "balance", "version").order_by("id")) == list(before)


@pytest.mark.parametrize("command", ["shutdown", "conf", "pool_restart", "add_consumer", "terminate", "stats"])
def test_a_worker_answers_only_pings(
    command: str, worker_start: Callable[..., Worker], broker: Broker, alice: User
) -> None:
    worker = worker_start()
    wait_until(lambda: " ready" in worker.log_text(), what="the worker is ready")
    control = current_app.control

    answers = control.broadcast(command, reply=True, timeout=2) or []

    assert all("error" in answer for reply in answers for answer in reply.values())
    assert control.ping(timeout=20)
    assert worker.process.poll() is None
