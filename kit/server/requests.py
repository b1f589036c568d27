"""How much of a request has arrived, judged by its bytes."""

from enum import Enum

#: Bytes of a request's head: its first line and all its header lines.
HEAD_BYTES_MAX = 32_768
#: Bytes of a request's body. The application refuses larger ones without reading them.
BODY_BYTES_MAX = 1_048_576
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"
_CODING = b"\r\ntransfer-encoding:"
_EXPECT = b"\r\nexpect:"
_HTTP_1_1 = b" http/1.1\r\n"


class Arrival(Enum):
    """What to do with a request whose bytes are arriving."""

    #: Wait for more.
    PARTIAL = "partial"
    #: Answer it; all of it is here.
    WHOLE = "whole"
    #: Answer it now and close the connection. Its body is too large, comes in chunks, or has no clear end.
    CUT = "cut"
    #: Refuse it: its head is too large.
    TOO_LARGE = "too large"


class Incoming:
    """The bytes of one request, as far as they have arrived."""

    __slots__ = ("_length", "bytes")

    def __init__(self) -> None:
        self.bytes = bytearray()
        #: Of head and body together, in bytes; 0 while the end of the head is missing.
        self._length = 0

    def add(self, data: bytes) -> Arrival:
        """Adds what has just arrived. Must not be called again after an answer other than PARTIAL."""
        self.bytes += data
        return self._body_arrival() if self._length else self._head_arrival()

    def take(self) -> bytes:
        """Returns all bytes and forgets them. Bytes of a next request may be among them."""
        data = bytes(self.bytes)
        self.bytes.clear()
        self._length = 0
        return data

    def wants_continue(self) -> bool:
        """Whether the head is here and the client waits for a "100 Continue" before it sends the body."""
        if not self._length:
            return False
        end = self.bytes.find(_HEAD_END)
        if len(self.bytes) > end + len(_HEAD_END):
            # The body has begun, so the client has stopped waiting.
            return False
        head = self.bytes[: end + 2].lower()
        return _EXPECT in head and _HTTP_1_1 in head

    def _head_arrival(self) -> Arrival:
        end = self.bytes.find(_HEAD_END)
        if end < 0:
            if self.bytes.count(b"\n") != self.bytes.count(b"\r\n"):
                # A bare line feed ends no line, so no end would ever be found. Gunicorn's parser refuses it at once.
                return Arrival.CUT
            return Arrival.TOO_LARGE if len(self.bytes) > HEAD_BYTES_MAX else Arrival.PARTIAL
        if end > HEAD_BYTES_MAX:
            return Arrival.TOO_LARGE
        head = bytes(self.bytes[: end + 2]).lower()
        if _CODING in head:
            return Arrival.CUT
        at = head.find(_LENGTH)
        if at < 0:
            return Arrival.WHOLE
        body_length = _body_length(head, at + len(_LENGTH))
        if body_length < 0:
            return Arrival.CUT
        self._length = end + len(_HEAD_END) + body_length
        return self._body_arrival()

    def _body_arrival(self) -> Arrival:
        return Arrival.WHOLE if len(self.bytes) >= self._length else Arrival.PARTIAL


def _body_length(head: bytes, start: int) -> int:
    """The Content-Length that begins at `start`; -1 if it is too large, malformed, or not the only one."""
    text = head[start : head.index(b"\r\n", start)].strip(b" \t")
    if not text.isdigit() or len(text) > 10 or head.find(_LENGTH, start) >= 0:
        return -1
    length = int(text)
    return length if length <= BODY_BYTES_MAX else -1
