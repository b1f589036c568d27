"""Browser sessions: Django's session engine here. They are stored in Postgres and mostly read from the cache.

Signing out ends a session in all processes. Neither Postgres nor Redis holds the key that a browser signs in with, only
a hash of it, and what the session contains is sealed (`wallets.auth.sessions.data`). Idle and absolute lifetime are
compared on every read, with the times that Postgres stored.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils import timezone

from kit.cache.protocol import cache_fence, cache_read
from wallets.auth.origins import Origin
from wallets.auth.sessions.data import session_data_open, session_data_seal
from wallets.cache_names import session_name
from wallets.models.sessions import BrowserSession
from wallets.sessions.lifetimes import VISITOR_LIFETIME, session_lifetime
from wallets.sessions.services import browser_sessions_delete_expired

log = structlog.get_logger(__name__)

#: How exact `last_seen_at` is. A session in use is written this often, not with every request.
SEEN_EVERY = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class _Stored:
    """A row, as far as a request needs it. `signed_in_at` is None if the database has just set it to its own time."""

    data: str
    user_id: int | None
    is_staff: bool
    signed_in_at: datetime | None
    last_seen_at: datetime


class SessionStore(SessionBase):
    """One browser's session."""

    #: Says where the request came from. None outside a request, in a command or a test.
    origin: Callable[[], Origin] | None = None
    #: Whether to read from Postgres whatever is cached, as a request that changes something does. So a session that has
    #: ended changes nothing, even if somebody puts its old value back into Redis.
    is_fresh = False
    #: Whether somebody uses the session. What an open page asks for by itself does not keep it alive.
    is_activity = True
    #: What to tell the user whose session has expired; empty if it has not.
    farewell = ""
    #: Whether the session gets a new key with the answer to this request.
    is_renewal_due = False
    #: Whether the browser's key is that of no session.
    is_unknown = False
    _stored: _Stored | None = None

    @classmethod
    def clear_expired(cls) -> None:
        """Deletes the sessions that are over."""
        while browser_sessions_delete_expired():
            pass

    @property
    def key_hash(self) -> str | None:
        """What the session is stored and cached under."""
        return _hashed(self.session_key) if self.session_key else None

    def again(self) -> "SessionStore":
        """The same session, to be read again, from Postgres."""
        store = SessionStore(self.session_key)
        store.origin, store.is_activity, store.is_fresh = self.origin, self.is_activity, True
        return store

    def exists(self, session_key: str) -> bool:
        return BrowserSession.objects.filter(key_hash=_hashed(session_key)).exists()

    def load(self) -> dict[str, Any]:
        stored = self._read()
        data = self._admitted(stored) if stored is not None else None
        if data is None:
            self.is_unknown = stored is None
            self._session_key = None
            return {}
        self._stored = stored
        return data

    def encode(self, session_dict: Mapping[str, Any]) -> str:
        """Seals the contents for this session's key."""
        return session_data_seal(self.serializer().dumps(session_dict), session_key=self.session_key or "")

    def decode(self, session_data: bytes | str) -> dict[str, Any]:
        """The contents; nothing, and a line in the log, if they were not sealed for this session's key."""
        plain = session_data_open(str(session_data), session_key=self.session_key or "")
        if plain is None:
            log.warning("session_data_refused")
            return {}
        return dict(self.serializer().loads(plain))

    def create(self) -> None:
        while True:
            self._session_key = self._get_new_session_key()  # type: ignore[attr-defined]  # not in the stubs
            try:
                self.save(must_create=True)
            except CreateError:
                continue
            self.modified = True
            return

    def save(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002 - Django's signature
        if self.session_key is None:
            # This creates a key and calls `save` again.
            self.create()
            return
        contents = self._get_session(no_load=must_create)  # type: ignore[attr-defined]  # not in the stubs
        data = self.encode(contents)
        user_id = int(contents[SESSION_KEY]) if SESSION_KEY in contents else None
        with transaction.atomic():
            if must_create:
                self._insert(data, user_id)
            else:
                self._update(data, user_id)
            cache_fence([session_name(_hashed(self.session_key))])
        kept = self._stored.signed_in_at if self._stored and self._stored.user_id == user_id else None
        is_staff = self._stored.is_staff if self._stored else False
        self._stored = _Stored(data, user_id, is_staff, kept, timezone.now())

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is None:
            return
        with transaction.atomic():
            BrowserSession.objects.filter(key_hash=_hashed(key)).delete()
            cache_fence([session_name(_hashed(key))])

    def flush(self) -> None:
        super().flush()
        self._stored = None

    def cycle_key(self) -> None:
        """Gives the session a new key. It stays the same session: its absolute lifetime does not begin anew."""
        contents, key = self._get_session(), self.session_key  # type: ignore[attr-defined]  # not in the stubs
        if key is None:
            self.create()
            return
        self._session_key = self._get_new_session_key()  # type: ignore[attr-defined]
        names = _hashed(key), _hashed(self.session_key or "")
        with transaction.atomic():
            # Race: the session is ended elsewhere at the same time. It stays one row, so either that call waits for
            # this one and deletes the row with its new key, or this one finds none and does not bring it back.
            row = BrowserSession.objects.filter(key_hash=names[0])
            renewed = row.update(key_hash=names[1], data=self.encode(contents))
            cache_fence([session_name(name) for name in names])
        if not renewed:
            raise SessionInterrupted("The session was ended while this request was being answered.")
        self.modified = True

    def touch(self) -> None:
        """Notes that somebody uses the session, unless that was noted within `SEEN_EVERY`."""
        stored = self._stored
        if not self.is_activity or self.session_key is None or stored is None or stored.user_id is None:
            return
        if timezone.now() - stored.last_seen_at < SEEN_EVERY:
            return
        name = _hashed(self.session_key)
        with transaction.atomic():
            # Race: of several requests of a page, one writes. A session that has ended meanwhile has no row.
            due = BrowserSession.objects.filter(key_hash=name, last_seen_at__lt=Now() - SEEN_EVERY)
            due.update(last_seen_at=Now(), **self._origin())
            cache_fence([session_name(name)])

    def _read(self) -> _Stored | None:
        if not self.session_key:
            return None
        name = _hashed(self.session_key)
        found = _stored_load(name) if self.is_fresh else cache_read(session_name(name), load=lambda: _stored_load(name))
        return _stored_of(found) if found is not None else None

    def _admitted(self, stored: _Stored) -> dict[str, Any] | None:
        """What the session contains. None if it is over, or says another user than its row: such a row would be missing
        in its user's list, or have a longer lifetime."""
        if stored.user_id is None or stored.signed_in_at is None:
            is_over = stored.last_seen_at + VISITOR_LIFETIME <= timezone.now()
        else:
            lifetime = session_lifetime(is_staff=stored.is_staff)
            end = lifetime.end_of(signed_in_at=stored.signed_in_at, last_seen_at=stored.last_seen_at)
            is_over, self.farewell = end is not None, lifetime.words(end) if end else ""
        contents: dict[str, Any] = {} if is_over else self.decode(stored.data)
        named = contents.get(SESSION_KEY)
        is_of_row = named == (None if stored.user_id is None else str(stored.user_id))
        return None if is_over or not is_of_row else contents

    def _insert(self, data: str, user_id: int | None) -> None:
        row = BrowserSession(
            key_hash=_hashed(self.session_key or ""), user_id=user_id, data=data,
            signed_in_at=None if user_id is None else Now(), last_seen_at=Now(), **self._origin(),
        )  # fmt: skip
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as error:
            raise CreateError from error

    def _update(self, data: str, user_id: int | None) -> None:
        changed: dict[str, Any] = {"data": data}
        if self.is_activity:
            changed |= {"last_seen_at": Now(), **self._origin()}
        if user_id is not None and (self._stored is None or self._stored.user_id != user_id):
            # The moment of the sign-in, by the clock of the database.
            changed |= {"user_id": user_id, "signed_in_at": Now()}
        if not BrowserSession.objects.filter(key_hash=_hashed(self.session_key or "")).update(**changed):
            raise UpdateError

    def _origin(self) -> Origin | dict[str, Any]:
        return self.origin() if self.origin is not None else {}


def _hashed(session_key: str) -> str:
    """A key has 32 random characters, so nobody finds it by its hash."""
    return hashlib.sha256(session_key.encode()).hexdigest()


def _stored_load(key_hash: str) -> bytes | None:
    row = (
        BrowserSession.objects.filter(key_hash=key_hash)
        .values("data", "user_id", "user__is_staff", "signed_in_at", "last_seen_at")
        .first()
    )
    if row is None:
        return None
    signed_in_at = row["signed_in_at"].isoformat() if row["signed_in_at"] else None
    # `is_staff` gives nobody rights here. It shortens the session.
    is_staff = bool(row["user__is_staff"])
    fields = [row["data"], row["user_id"], is_staff, signed_in_at, row["last_seen_at"].isoformat()]
    return json.dumps(fields).encode()


def _stored_of(found: bytes) -> _Stored:
    data, user_id, is_staff, signed_in_at, last_seen_at = json.loads(found)
    started = datetime.fromisoformat(signed_in_at) if signed_in_at else None
    return _Stored(data, user_id, is_staff, started, datetime.fromisoformat(last_seen_at))
