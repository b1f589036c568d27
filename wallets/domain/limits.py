"""Limits on what a request may contain, each defined once for all entry points."""

import re

#: Characters of a password: long enough for any passphrase, and short enough to hash quickly.
PASSWORD_LENGTH_MAX = 1_000
#: Characters of the note that goes with a movement of money.
MEMO_LENGTH_MAX = 200
#: Characters of an idempotency key: visible ASCII.
IDEMPOTENCY_KEY_LENGTH_MAX = 255
#: Characters of an email address.
EMAIL_LENGTH_MAX = 254
#: Characters of a recipient: a username or an email address.
RECIPIENT_LENGTH_MAX = EMAIL_LENGTH_MAX
#: Transfers in one list.
TRANSFERS_MAX = 1_000
#: Entries on a page of a history, by default and at most.
HISTORY_LIMIT = 30
HISTORY_LIMIT_MAX = 100
#: Characters of a cursor.
CURSOR_LENGTH_MAX = 100

_IDEMPOTENCY_KEY = re.compile(rf"[!-~]{{1,{IDEMPOTENCY_KEY_LENGTH_MAX}}}")


def idempotency_key_fits(key: str | None) -> bool:
    """Whether this is no key at all, or 1 to 255 visible ASCII characters."""
    return key is None or _IDEMPOTENCY_KEY.fullmatch(key) is not None
