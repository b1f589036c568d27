"""A mail server that speaks SMTP on a real socket, and misbehaves at the step that a test names."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import BinaryIO

#: What a server that works says at each step. "." is the end of a mail's content.
_REPLIES = {
    "connect": "220 mail.test ESMTP",
    "EHLO": "250 mail.test",
    "MAIL": "250 sender ok",
    "RCPT": "250 recipient ok",
    "DATA": "354 go on",
    ".": "250 queued",
    "RSET": "250 forgotten",
    "QUIT": "221 bye",
    "STARTTLS": "220 go on",
}
STEPS = ["connect", "EHLO", "MAIL", "RCPT", "DATA", "."]


@dataclass
class Received:
    """A mail that the server took: the envelope and the content."""

    sender: str
    recipients: list[str]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=policy.default)


@dataclass
class SmtpServer:
    """Takes mails until `stop`. Its behaviour may be changed at any time.

    At the step `hangs_at` it never answers, at `drops_at` it hangs up, at `drips_at` it answers byte by byte without
    end. `replies` are other answers than those of a server that works.
    """

    replies: dict[str, str] = field(default_factory=dict)
    hangs_at: str = ""
    drops_at: str = ""
    drips_at: str = ""
    #: The files of certificate and key; with `is_starttls` it speaks plain text until the client asks for TLS.
    tls: tuple[Path, Path] | None = None
    is_starttls: bool = False
    #: Refused by address, for tests with several recipients.
    refused: dict[str, str] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._over.set()
        # Wakes the thread that waits for connections; closing alone would not.
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while not self._over.is_set():
                connection, _ = self._socket.accept()
                self.connections += 1
                threading.Thread(target=self._connect, args=[connection], daemon=True).start()

    def _connect(self, connection: socket.socket) -> None:
        with suppress(OSError), ExitStack() as stack:
            stack.enter_context(connection)
            if self.tls and not self.is_starttls:
                connection = stack.enter_context(self._encrypt(connection))
            if self._answer(connection, "connect") and self._talk(connection):
                self._talk(stack.enter_context(self._encrypt(connection)))

    def _encrypt(self, connection: socket.socket) -> socket.socket:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        assert self.tls is not None
        context.load_cert_chain(*self.tls)
        return context.wrap_socket(connection, server_side=True)

    def _talk(self, connection: socket.socket) -> bool:
        """Returns whether the client wants to go on with TLS."""
        with connection.makefile("rb") as lines:
            mail, is_open = Received("", [], b""), False
            for line in lines:
                step, _, rest = line.decode().strip().partition(" ")
                step = "EHLO" if step.upper() == "HELO" else step.upper()
                if step == "MAIL":
                    mail = Received(_address(rest), [], b"")
                reply = self.refused.get(_address(rest)) if step == "RCPT" else None
                if step == "MAIL" and is_open:
                    reply = "503 The last mail has not ended"
                is_open = step != "RSET" and (is_open or step == "MAIL")
                if step == "EHLO" and self.is_starttls:
                    reply = "250-mail.test\r\n250 STARTTLS"
                if not self._answer(connection, step, reply):
                    return False
                if step == "STARTTLS":
                    return True
                if step == "RCPT" and not reply:
                    mail.recipients.append(_address(rest))
                if step == "DATA" and "DATA" not in self.replies:
                    is_open = False
                    if not self._take(connection, lines, mail):
                        return False
        return False

    def _take(self, connection: socket.socket, lines: BinaryIO, mail: Received) -> bool:
        content = []
        while (line := lines.readline()) and line != b".\r\n":
            content.append(line[1:] if line.startswith(b"..") else line)
        mail.content = b"".join(content)
        if "." not in self.replies:
            # From here on it has the mail, whether its answer arrives or not.
            self.received.append(mail)
        return self._answer(connection, ".")

    def _answer(self, connection: socket.socket, step: str, reply: str | None = None) -> bool:
        if step == self.hangs_at:
            self._over.wait()
            return False
        if step == self.drops_at:
            return False
        while step == self.drips_at and not self._over.is_set():
            connection.sendall(b"2")
            self._over.wait(0.05)
        connection.sendall(f"{reply or self.replies.get(step) or _REPLIES[step]}\r\n".encode())
        return True


@contextmanager
def unreachable() -> Iterator[int]:
    """A port that accepts no further connection and refuses none, like that of a host behind a firewall."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            with suppress(BlockingIOError):
                each.connect(full.getsockname())
        yield full.getsockname()[1]
        for each in waiting:
            each.close()


def _address(rest: str) -> str:
    return rest.partition("<")[2].partition(">")[0]
