"""Bodies of answers: made once, kept packed, named by what they say."""

import base64
import gzip
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime

#: Below this many bytes gzip saves less than it costs; an answer then fits one packet either way.
PACK_FROM_BYTES = 500
_LEVEL = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The body of an answer. `content` is gzip where it is `packed`; `etag` is the same for both forms."""

    etag: str
    content: bytes
    packed: bool

    def plain(self) -> bytes:
        return gzip.decompress(self.content) if self.packed else self.content

    def dump(self) -> bytes:
        """As it lies in Redis; `body_load` reads it."""
        return b"\n".join([self.etag.encode(), b"gzip" if self.packed else b"", self.content])


def body_make(plain: bytes, *, etag: str | None = None) -> Body:
    """Packs a body where that is worth it. Its ETag is what it says, unless the caller knows a cheaper name."""
    etag = etag or etag_of(plain)
    if len(plain) < PACK_FROM_BYTES:
        return Body(etag=etag, content=plain, packed=False)
    # mtime=0: the same body is the same bytes whenever it was packed.
    return Body(etag=etag, content=gzip.compress(plain, compresslevel=_LEVEL, mtime=0), packed=True)


def body_load(dumped: bytes) -> Body:
    etag, packed, content = dumped.split(b"\n", 2)
    return Body(etag=etag.decode(), content=content, packed=bool(packed))


def json_bytes(data: object) -> bytes:
    """As the API's renderer writes it: compact, in UTF-8, and without the two line ends that no script may hold."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode()


def moment_text(moment: datetime) -> str:
    """RFC 3339, in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def etag_of(state: bytes) -> str:
    """The name of a state. Weak (RFC 9110, 8.8.1): the same for the packed form and the plain one."""
    digest = hashlib.blake2b(state, digest_size=12).digest()
    return f'W/"{base64.urlsafe_b64encode(digest).decode()}"'
