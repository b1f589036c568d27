"""Browser sessions. They are stored in Postgres and mostly read from the cache; logging out ends one in all
processes."""

import hashlib
import json
from datetime import datetime
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from kit.cache.protocol import cache_fence, cache_read
from wallets.cache_names import session_name


class SessionStore(DatabaseStore):
    """Django's database store, but it reads through the cache and fences what it changes."""

    def load(self) -> dict[str, Any]:
        key = self.session_key
        cached = cache_read(_name(key), load=lambda: _session_load(key)) if key else None
        fields = json.loads(cached) if cached is not None else None
        # The expiry is compared on every read, because a session may have expired since it was cached.
        if fields is None or datetime.fromisoformat(fields["expires"]) <= timezone.now():
            self._session_key = None
            return {}
        return self.decode(fields["data"])

    def save(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002 - Django's signature
        if self.session_key is None:
            # This creates a key and calls `save` again.
            super().save(must_create)
            return
        with transaction.atomic():
            super().save(must_create)
            cache_fence([_name(self.session_key)])

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is None:
            return
        with transaction.atomic():
            super().delete(key)
            cache_fence([_name(key)])

    async def aload(self) -> dict[str, Any]:
        return await sync_to_async(self.load)()

    async def asave(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002
        await sync_to_async(self.save)(must_create)

    async def adelete(self, session_key: str | None = None) -> None:
        await sync_to_async(self.delete)(session_key)


def _name(session_key: str) -> str:
    # Hashed, so that nobody who reads Redis learns a session key.
    return session_name(hashlib.sha256(session_key.encode()).hexdigest())


def _session_load(session_key: str) -> bytes | None:
    session = Session.objects.filter(session_key=session_key).first()
    if session is None:
        return None
    return json.dumps({"data": session.session_data, "expires": session.expire_date.isoformat()}).encode()
