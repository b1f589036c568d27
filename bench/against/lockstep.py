"""Two loads in step: every connection sends its request to one side, and when it has the answer, to the other.

Both sides answer the same requests within milliseconds of one another, so other work of the machine slows both
alike, and their processor time can be compared even on a busy machine.
"""

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from bench.client import (
    Answers,
    Exchange,
    Load,
    answers_sum,
    exchange_open,
    parts_deal,
    parts_run,
    request_send,
    sleep_until,
)


def lockstep_send(loads: tuple[Load, Load], *, at_start: Callable[[], None]) -> tuple[Answers, Answers]:
    """Sends two loads with the same numbers of requests and connections; the answers of each side.

    `cpu_ms` is half of what the load generator used for both. Raises RuntimeError as `load_send` does.
    """
    starts_at = time.monotonic() + loads[0].delay_s
    dealt = [parts_deal(replace(load, starts_at=starts_at)) for load in loads]
    parts = list(zip(*dealt, strict=True))
    answers = parts_run(_part_send, parts, starts_at=starts_at, at_start=at_start)
    first, second = (answers_sum([pair[at] for pair in answers]) for at in range(2))
    return first, second


def _part_send(loads: tuple[Load, ...]) -> list[Answers]:
    starts_at = loads[0].starts_at
    answers = [Answers(started_s=starts_at) for _ in loads]
    numbers = itertools.count()
    threads = [
        threading.Thread(target=_connections_drive, args=(loads, numbers, answers)) for _ in range(loads[0].connections)
    ]
    for thread in threads:
        thread.start()
    sleep_until(starts_at)
    before_s = time.process_time()
    for thread in threads:
        thread.join()
    for answer in answers:
        answer.cpu_ms = (time.process_time() - before_s) * 1_000 / len(loads)
    return answers


def _connections_drive(loads: tuple[Load, ...], numbers: "itertools.count[int]", answers: list[Answers]) -> None:
    with exchange_open(loads[0]) as first, exchange_open(loads[1]) as second:
        exchanges: tuple[Exchange, Exchange] = (first, second)
        sleep_until(loads[0].starts_at)
        while (number := next(numbers)) < len(loads[0].requests):
            for at in (0, 1) if number % 2 else (1, 0):
                if not request_send(loads[at], number, exchanges[at], time.monotonic(), answers[at]):
                    return
