"""Runs the processes of the Procfile side by side and shows what they say, each line under its process's name.

With honcho's parser and printer, but without its manager: that one needs shared memory, which not every machine lends
to everybody, and puts a process of its own between us and each of ours.
"""

import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from honcho.colour import get_colours
from honcho.environ import parse_procfile
from honcho.printer import Message, Printer

_STOP_TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True)
class Running:
    name: str
    colour: str
    process: subprocess.Popen[bytes]


class Processes:
    """What the Procfiles name; each process leads a session of its own, so that Ctrl-C reaches us alone."""

    def __init__(self, *procfiles: Path) -> None:
        self._folder = procfiles[0].parent
        self._commands: dict[str, str] = {}
        for procfile in procfiles:
            self._commands |= parse_procfile(procfile.read_text()).processes
        self._running: list[Running] = []
        self._printer = Printer(width=max(map(len, self._commands)))
        self._printing = threading.Lock()  # stops two processes' lines from getting mixed up

    def start(self) -> None:
        for (name, command), colour in zip(self._commands.items(), get_colours(), strict=False):
            process = subprocess.Popen(  # noqa: S602 - a Procfile's lines are shell commands
                command,
                shell=True,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            running = Running(name=name, colour=colour, process=process)
            self._running.append(running)
            threading.Thread(target=self._relay, args=[running], daemon=True).start()

    def ended(self) -> Running | None:
        """One that has ended, if any has."""
        return next((running for running in self._running if running.process.poll() is not None), None)

    def stop(self) -> None:
        """Asks all of them to stop, waits, and kills those that do not."""
        for running in self._running:
            running.process.terminate()
        deadline = time.monotonic() + _STOP_TIMEOUT_S
        for running in self._running:
            try:
                running.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                with suppress(ProcessLookupError):
                    os.killpg(running.process.pid, signal.SIGKILL)
                running.process.wait()

    def _relay(self, running: Running) -> None:
        for line in running.process.stdout or ():
            now = datetime.now()  # noqa: DTZ005 - the clock on the wall of whoever watches
            with self._printing:
                self._printer.write(Message("line", line, now, running.name, running.colour))
