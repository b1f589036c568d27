"""The load: processes of their own, without Django, that speak HTTP or gRPC over connections kept alive.

Closed loop: every connection sends its next request when it has its answer, which tells how much gets through. Open
loop: requests fall due at a fixed rate whether or not the server keeps up, and each is timed from when it was due, so
that waiting for a busy server is part of its latency.
"""

import itertools
import multiprocessing
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from bench.client_grpc import grpc_exchange

#: Sends one request and returns the status and body of its answer.
Exchange = Callable[[bytes], tuple[int, bytes]]
Part = TypeVar("Part")
Result = TypeVar("Result")
PROCESSES = 2
_TIMEOUT_S = 30.0
#: How long before the first request the caller is told that the load begins.
_NOTICE_S = 0.05
#: Answers that have no body, whatever length they name.
_BODILESS = {204, 304}
_pool: ProcessPoolExecutor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Requests to send, in turn and from the start again, for `seconds` or until `count` have been sent.

    They are bytes of HTTP or, with a `grpc_method`, made by `client_grpc.grpc_request`. `rate_per_s` None is a closed
    loop. The first one is sent after `delay_s`, in which the processes receive the requests and connect."""

    port: int
    requests: Sequence[bytes]
    expected_status: int
    connections: int
    seconds: float
    rate_per_s: float | None = None
    count: int | None = None
    delay_s: float = 0.5
    starts_at: float = 0.0
    grpc_method: str = ""


@dataclass(slots=True)
class Answers:
    """The latencies of right answers, what was answered instead, and how long after the start the last one came.

    `cpu_ms` is the processor time that the load generator itself used."""

    started_s: float
    latencies_ms: list[float] = field(default_factory=list)
    wrong: Counter[str] = field(default_factory=Counter)
    took_s: float = 0.0
    cpu_ms: float = 0.0

    @property
    def per_s(self) -> float:
        return len(self.latencies_ms) / self.took_s if self.took_s else 0.0


def load_send(load: Load, *, at_start: Callable[[], None] | None = None) -> Answers:
    """Sends the load from several processes at once, and calls `at_start` just before the first request.

    Raises RuntimeError if any answer was not the expected one."""
    parts = parts_deal(replace(load, starts_at=time.monotonic() + load.delay_s))
    return answers_sum(parts_run(_part_send, parts, starts_at=parts[0].starts_at, at_start=at_start))


def parts_run(
    send: Callable[[Part], Result], parts: Sequence[Part], *, starts_at: float, at_start: Callable[[], None] | None
) -> list[Result]:
    """Has each part sent by a process of its own, and calls `at_start` just before the first request."""
    assert _pool is not None, "clients_run comes first"
    sending = _pool.map(send, parts)
    if at_start is not None:
        sleep_until(starts_at - _NOTICE_S)
        at_start()
    return list(sending)


def answers_sum(answers: Sequence[Answers]) -> Answers:
    """The answers of all processes together. Raises RuntimeError if any was not the expected one."""
    total = Answers(started_s=min(answer.started_s for answer in answers))
    for answer in answers:
        total.took_s = max(total.took_s, answer.took_s)
        total.latencies_ms += answer.latencies_ms
        total.wrong += answer.wrong
        total.cpu_ms += answer.cpu_ms
    if total.wrong:
        raise RuntimeError(f"wrong answers: {dict(total.wrong.most_common(3))}")
    return total


@contextmanager
def clients_run() -> Iterator[None]:
    """The processes that send the loads."""
    global _pool
    # spawn: a forked child would share our connections to the database.
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as _pool:
        yield


def parts_deal(load: Load) -> list[Load]:
    """The same load, dealt out to the processes."""
    processes = min(PROCESSES, load.connections, len(load.requests))
    return [
        replace(
            load,
            requests=load.requests[number::processes],
            connections=len(range(number, load.connections, processes)),
            rate_per_s=load.rate_per_s / processes if load.rate_per_s else None,
            count=None if load.count is None else len(range(number, load.count, processes)),
            # Two processes at half the rate each, half a period apart, are one at the full rate.
            starts_at=load.starts_at + (number / load.rate_per_s if load.rate_per_s else 0.0),
        )
        for number in range(processes)
    ]


def _part_send(load: Load) -> Answers:
    answers = Answers(started_s=load.starts_at)
    numbers = itertools.count()
    threads = [
        threading.Thread(target=_connection_drive, args=(load, numbers, answers)) for _ in range(load.connections)
    ]
    for thread in threads:
        thread.start()
    sleep_until(load.starts_at)
    before_s = time.process_time()
    for thread in threads:
        thread.join()
    answers.cpu_ms = (time.process_time() - before_s) * 1_000
    return answers


def _connection_drive(load: Load, numbers: "itertools.count[int]", answers: Answers) -> None:
    ends_at = load.starts_at + load.seconds
    with exchange_open(load) as exchange:
        sleep_until(load.starts_at)
        while True:
            number = next(numbers)
            if load.count is not None and number >= load.count:
                return
            due = load.starts_at + number / load.rate_per_s if load.rate_per_s else time.monotonic()
            if due >= ends_at:
                return
            sleep_until(due)
            if not request_send(load, number, exchange, due, answers):
                return


def request_send(load: Load, number: int, exchange: Exchange, due: float, answers: Answers) -> bool:
    """Sends the load's request of this number and notes its answer. False if the connection is of no more use."""
    try:
        status, body = exchange(load.requests[number % len(load.requests)])
    except (OSError, ValueError) as error:
        answers.wrong[type(error).__name__ + f": {error}"] += 1
        return False
    now = time.monotonic()
    answers.took_s = max(answers.took_s, now - load.starts_at)
    if status == load.expected_status:
        answers.latencies_ms.append((now - due) * 1_000)
    else:
        answers.wrong[f"{status} {body[:200].decode(errors='replace')}"] += 1
    return True


def exchange_open(load: Load) -> AbstractContextManager[Exchange]:
    """A connection of its own for the load's requests."""
    return grpc_exchange(load.port, load.grpc_method) if load.grpc_method else _http_exchange(load.port)


@contextmanager
def _http_exchange(port: int) -> Iterator[Exchange]:
    """Sends one request and receives its answer, all over one connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield partial(_exchange, connection)


def _exchange(connection: socket.socket, request: bytes) -> tuple[int, bytes]:
    """Sends one request and reads its whole answer, which must name its length if it has a body."""
    connection.sendall(request)
    received = b""
    while (head_end := received.find(b"\r\n\r\n")) < 0:
        received += _receive(connection)
    head, status = received[:head_end].lower(), int(received[9:12])
    if status in _BODILESS:
        return status, b""
    length = int(head.partition(b"\r\ncontent-length:")[2].split(b"\r\n", 1)[0])
    parts, missing = [received[head_end + 4 :]], length - (len(received) - head_end - 4)
    while missing > 0:
        parts.append(_receive(connection))
        missing -= len(parts[-1])
    return status, b"".join(parts)


def _receive(connection: socket.socket) -> bytes:
    data = connection.recv(1 << 18)
    if not data:
        raise ConnectionError("the server closed the connection")
    return data


def sleep_until(moment: float) -> None:
    wait_s = moment - time.monotonic()
    if wait_s > 0:
        time.sleep(wait_s)
