"""What is known of a transfer from its acceptance until a consumer has put it on record in Postgres. It lies in Redis.

- `transfer:<id>`: the transfer as the contract writes it, with who may see it; empty once Postgres knows more.
- `claim:<initiator>:<key>`: which transfer an idempotency key was given to, so that a repeated request is the same one.
- `out:<wallet>`: what is on its way out of a wallet.

Postgres is always asked first, and decides. What this may have forgotten (a wiped or restarted Redis) or was never told
(a Redis that was away) is known: until all transfers of before that have reached Postgres, nobody is told "there is no
such transfer", but "come again": whoever heard the first might pay a second time.
"""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.utils import timezone
from redis import Redis

from kit.cache.link import RedisAwayError, redis_ask
from kit.cache.lua import Script
from transactions.channels.kafka.gaps import gap_note
from transactions.channels.kafka.lag import settled_until
from transactions.channels.kafka.whole import SKEW, make_whole, whole_since
from transactions.contract import Data, transaction_dump, transaction_undump
from transactions.ledger.commands import Command
from transactions.models import Transaction
from wallets.domain.errors import ErrorCode, WalletError
from wallets.domain.ids import snowflake_time

_T = TypeVar("_T")

_PREFIX = "wallet:kafka:"
#: How many transfers one script takes: nobody else is served meanwhile.
_PART = 500
#: For so long it is remembered that a transfer has settled: whoever looked into Postgres before that looks here next.
_SETTLED_S = 60
# NX: a consumer may be faster, and has said then that it is settled.
_REGISTER = Script(f"""
-- ARGV ttl s; id, padded id, wallet and record of each transfer
for i = 2, #ARGV, 4 do
    local out = '{_PREFIX}out:' .. ARGV[i + 2]
    if redis.call('SET', '{_PREFIX}transfer:' .. ARGV[i], ARGV[i + 3], 'NX', 'EX', ARGV[1]) then
        redis.call('ZADD', out, 0, ARGV[i + 1])
        redis.call('EXPIRE', out, ARGV[1])
    end
end
""")
_CLAIM = Script(f"""
-- ARGV ttl s; key and record of each claim. What was there before, or an empty text
local earlier = {{}}
for i = 2, #ARGV, 2 do
    local key = '{_PREFIX}claim:' .. ARGV[i]
    earlier[#earlier + 1] = redis.call('GET', key) or ''
    if earlier[#earlier] == '' then redis.call('SET', key, ARGV[i + 1], 'EX', ARGV[1]) end
end
return earlier
""")
_SETTLED = Script(f"""
-- ARGV ttl s; id, padded id, wallet and claim (or nothing) of each transfer
for i = 2, #ARGV, 4 do
    redis.call('SET', '{_PREFIX}transfer:' .. ARGV[i], '', 'EX', ARGV[1])
    redis.call('ZREM', '{_PREFIX}out:' .. ARGV[i + 2], ARGV[i + 1])
    if ARGV[i + 3] ~= '' then redis.call('EXPIRE', '{_PREFIX}claim:' .. ARGV[i + 3], ARGV[1]) end
end
""")


def keys_claim(transactions: Sequence[Transaction]) -> dict[int, Transaction]:
    """Claims the idempotency keys of transfers about to be published; of those that were claimed before, by id, the
    transfer that has the key. Raises RedisAwayError, with some of them claimed or none."""
    keyed = [t for t in transactions if t.idempotency_key is not None]
    earlier: dict[int, Transaction] = {}
    for part in _parts(keyed):
        arguments = [text for t in part for text in (_claim(t.initiator_id, t.idempotency_key), transaction_dump(t))]
        found = redis_ask(lambda client, arguments=arguments: _CLAIM(client, [], _ttl_s(), *arguments))  # type: ignore[misc]
        assert isinstance(found, list)  # noqa: S101 - the script returns nothing else
        for transaction, record in zip(part, found, strict=True):
            holder = transaction_undump(record) if record else transaction
            if holder.id != transaction.id:
                earlier[transaction.id] = holder
    return earlier


def transfers_register(transactions: Sequence[Transaction]) -> None:
    """Puts transfers on view that the broker has acknowledged. Where Redis is away, that is put on record instead."""
    try:
        for part in _parts(transactions):
            arguments = [text for t in part for text in (t.id, _padded(t.id), t.source_id or 0, transaction_dump(t))]
            redis_ask(lambda client, arguments=arguments: _REGISTER(client, [], _ttl_s(), *arguments))  # type: ignore[misc]
    except RedisAwayError:
        gap_note()


def transfers_settled(commands: Sequence[Command]) -> None:
    """Says that Postgres knows more of these transfers from now on. Where Redis is away it is not told, and readers
    find it out by asking Postgres first."""
    for part in _parts(commands):
        arguments: list[str | int] = []
        for command in part:
            assert command.promised is not None  # noqa: S101 - it came out of a message
            claim = _claim(command.initiator_id, command.idempotency_key) if command.idempotency_key else ""
            id_ = command.promised.id
            arguments += [id_, _padded(id_), command.source_id or 0, claim]
        try:
            redis_ask(lambda client, arguments=arguments: _SETTLED(client, [], _SETTLED_S, *arguments))  # type: ignore[misc]
        except RedisAwayError:
            return


def transfer_record(transaction_id: int) -> bytes | None:
    """A transfer on its way, as `transaction_dump` writes it, that Postgres did not know a moment ago; empty where it
    may know by now, None where there is none. Raises UNAVAILABLE where that cannot be told."""
    try:
        found = redis_ask(lambda client: client.get(f"{_PREFIX}transfer:{transaction_id}"))
        if isinstance(found, bytes):
            return found
        born, now, since = snowflake_time(transaction_id), timezone.now(), whole_since()
        if born > now + SKEW:
            return None
        if born <= since + SKEW:
            is_settled = make_whole()
        elif born <= now - _kept_for():
            # It would have run out here, and may lie in Kafka all the same.
            is_settled = settled_until(born + SKEW) is not None
        else:
            return None
        if not is_settled:
            raise _unknown()
    except RedisAwayError:
        raise _unknown() from None
    return b""


def transfer_by_key(*, initiator_id: int, idempotency_key: str) -> bytes | None:
    """The same for the transfer that was asked for under this key; also raises IDEMPOTENCY_IN_PROGRESS where it is not
    known yet whether it was accepted: asking for it once more, with the same key, settles that."""
    try:
        claim = redis_ask(lambda client: client.get(f"{_PREFIX}claim:{_claim(initiator_id, idempotency_key)}"))
        if isinstance(claim, bytes):
            id_ = transaction_undump(claim).id
            record = redis_ask(lambda client: client.get(f"{_PREFIX}transfer:{id_}"))
            if not isinstance(record, bytes):
                raise WalletError(ErrorCode.IDEMPOTENCY_IN_PROGRESS, retry_after_s=1)
            return record
        since, expired = whole_since(), timezone.now() - _kept_for()
        # Before that it would have run out here, and may lie in Kafka all the same.
        is_settled = make_whole() if since >= expired else settled_until(expired + SKEW) is not None
        if not is_settled:
            raise _unknown()
    except RedisAwayError:
        raise _unknown() from None
    return b""


def key_is_under_way(*, initiator_id: int, idempotency_key: str) -> bool:
    """Whether a transfer with this key is on its way, as far as it is known here; it may have settled since. Without
    Redis nobody knows: then the ledger, which sees both, lets one of them have the key."""
    try:
        claim = redis_ask(lambda client: client.get(f"{_PREFIX}claim:{_claim(initiator_id, idempotency_key)}"))
        if not isinstance(claim, bytes):
            return False
        id_ = transaction_undump(claim).id
        return bool(redis_ask(lambda client: client.get(f"{_PREFIX}transfer:{id_}")))
    except RedisAwayError:
        return False


def transfers_out(*, wallet_id: int, limit: int) -> dict[int, Data]:
    """The newest transfers on their way out of a wallet by id, as the contract writes them, as far as they are known
    here: some may have settled since. Without Redis none is known."""
    try:
        return redis_ask(lambda client: _out(client, wallet_id, limit))
    except RedisAwayError:
        return {}


def transfers_out_drop(*, wallet_id: int, transaction_ids: Iterable[int]) -> None:
    """These have settled, and whoever settled them died before it could say so here."""
    members = list(map(_padded, transaction_ids))
    if members:
        with suppress(RedisAwayError):
            redis_ask(lambda client: client.zrem(_out_key(wallet_id), *members))


def _out(client: Redis, wallet_id: int, limit: int) -> dict[int, Data]:
    ids: Any = client.zrevrange(_out_key(wallet_id), 0, limit - 1)
    records: Any = client.mget([f"{_PREFIX}transfer:{int(id_)}" for id_ in ids]) if ids else []
    return {
        int(id_): json.loads(record.partition(b"\n")[2]) for id_, record in zip(ids, records, strict=True) if record
    }


def _kept_for() -> timedelta:
    """How long it is known here what was accepted; in Kafka it lies until it is settled."""
    return timedelta(seconds=settings.KAFKA_RETENTION_S)


def _unknown() -> WalletError:
    return WalletError(
        ErrorCode.UNAVAILABLE, "It is not known at this moment whether there is such a transfer.", retry_after_s=5
    )


def _out_key(wallet_id: int) -> str:
    return f"{_PREFIX}out:{wallet_id}"


def _claim(initiator_id: int, key: str | None) -> str:
    return f"{initiator_id}:{key}"


def _padded(transaction_id: int) -> str:
    """So that texts sort as the numbers do: a score in Redis has not enough digits."""
    return f"{transaction_id:019}"


def _ttl_s() -> int:
    return int(settings.KAFKA_RETENTION_S)


def _parts(rows: Sequence[_T]) -> Iterable[Sequence[_T]]:
    return (rows[start : start + _PART] for start in range(0, len(rows), _PART))
