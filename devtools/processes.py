"""Runs the processes of the Procfile side by side and prints their output, each line with its process's name.

It uses honcho's parser and printer, but not its manager. The manager needs shared memory, which some machines do not
grant to every user, and starts a process of its own for each process that it manages.
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
    """The processes that the Procfiles name. Each leads its own session, so that Ctrl-C reaches only this process."""

    def __init__(self, *procfiles: Path) -> None:
        self._folder = procfiles[0].parent
        self._commands: dict[str, str] = {}
        for procfile in procfiles:
            self._commands |= parse_procfile(procfile.read_text()).processes
        self._running: list[Running] = []
        self._printer = Printer(width=max(map(len, self._commands)))
        self._printing = threading.Lock()  # keeps the lines of two processes apart

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
        """A process that has ended, or None."""
        return next((running for running in self._running if running.process.poll() is not None), None)

    def stop(self) -> None:
        """Asks all processes to stop, waits, and kills those that do not."""
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
            now = datetime.now()  # noqa: DTZ005 - local time, for the developer who watches
            with self._printing:
                self._printer.write(Message("line", line, now, running.name, running.colour))
