"""Bodies of answers: rendered once, stored compressed, and identified by an ETag of their content."""

import base64
import gzip
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime

#: Below this many bytes gzip costs more than it saves; the answer fits one packet either way.
PACK_FROM_BYTES = 500
_LEVEL = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The body of an answer. `content` is gzip if `packed`. The `etag` is the same for the packed and the plain
    form."""

    etag: str
    content: bytes
    packed: bool

    def plain(self) -> bytes:
        return gzip.decompress(self.content) if self.packed else self.content

    def dump(self) -> bytes:
        """The body as it is stored in Redis; `body_load` reads it."""
        return b"\n".join([self.etag.encode(), b"gzip" if self.packed else b"", self.content])


def body_make(plain: bytes, *, etag: str | None = None) -> Body:
    """Makes a body, compressed if that pays. Its ETag is a hash of its content, unless the caller passes another."""
    etag = etag or etag_of(plain)
    if len(plain) < PACK_FROM_BYTES:
        return Body(etag=etag, content=plain, packed=False)
    # mtime=0 keeps the time out of the gzip header, so equal bodies are equal bytes.
    return Body(etag=etag, content=gzip.compress(plain, compresslevel=_LEVEL, mtime=0), packed=True)


def body_load(dumped: bytes) -> Body:
    etag, packed, content = dumped.split(b"\n", 2)
    return Body(etag=etag.decode(), content=content, packed=bool(packed))


def json_bytes(data: object) -> bytes:
    """JSON as the API's renderer writes it: compact, in UTF-8, with U+2028 and U+2029 (line ends in scripts)
    escaped."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode()


def moment_text(moment: datetime) -> str:
    """The time in RFC 3339, in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def etag_of(state: bytes) -> str:
    """An ETag that identifies a state. Weak (RFC 9110, 8.8.1), so that it fits the packed and the plain form."""
    digest = hashlib.blake2b(state, digest_size=12).digest()
    return f'W/"{base64.urlsafe_b64encode(digest).decode()}"'
