"""The OpenAPI descriptions of v1's operations that have parameters."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from transactions.api.headers import HEADER, REPLAYED
from transactions.api.serializers import EntryPageSerializer, TransactionListSerializer, TransactionSerializer
from transactions.models import Kind
from wallets.api.schema import LOCATION, answer_header, operation
from wallets.domain.errors import ErrorCode
from wallets.domain.limits import HISTORY_LIMIT, HISTORY_LIMIT_MAX

F = TypeVar("F", bound=Callable[..., Any])

_KEY_SCHEMA = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
KEY_HEADER = OpenApiParameter(
    HEADER,
    _KEY_SCHEMA,
    OpenApiParameter.HEADER,
    description=(
        "Makes retries safe: the same key with the same request returns the first response again, marked "
        f"`{REPLAYED}: true`, and moves no money. 1 to 255 visible ASCII characters, with or without double quotes. "
        "A refused request does not use up its key."
    ),
)


def replayed_header(status: int) -> OpenApiParameter:
    """The header that marks the answer to a replay."""
    return answer_header(REPLAYED, "`true` if an earlier request created the transaction.", statuses=[status])


_EVERY_POSTING = (
    ErrorCode.NOT_FOUND,
    ErrorCode.IDEMPOTENCY_IN_PROGRESS,
    ErrorCode.IDEMPOTENCY_KEY_REUSED,
    ErrorCode.WALLET_CLOSED,
    ErrorCode.WALLET_FROZEN,
)


def money_post(
    *,
    name: str,
    summary: str,
    request: type[serializers.Serializer[Any]],
    refusals: Sequence[ErrorCode],
    example: dict[str, Any],
) -> Callable[[F], F]:
    """Describes an operation that moves money."""
    return operation(
        name=name,
        tag="Money",
        summary=summary,
        description="`amount` is an integer of minor units: 1250 is $12.50 in a USD wallet and ¥1250 in a JPY wallet.",
        request=request,
        status=201,
        answer=TransactionSerializer,
        refusals=[*_EVERY_POSTING, *refusals],
        parameters=[KEY_HEADER, LOCATION, replayed_header(201)],
        examples={summary: example},
    )


def _query(name: str, kind: Any, description: str, **options: Any) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, description=description, **options)


key_lookup = operation(
    name="transaction_find",
    tag="Money",
    summary="Find a transaction by idempotency key",
    description="Lists your transaction with this key, if any. Use it when the response to a request was lost.",
    answer=TransactionListSerializer,
    is_conditional=True,
    refusals=[ErrorCode.MALFORMED],
    parameters=[_query("idempotency_key", _KEY_SCHEMA, "The key, without quotes.", required=True)],
)

history_read = operation(
    name="history_read",
    tag="Money",
    summary="List a wallet's entries",
    description=(
        "Newest first. Follow `next` to older and `previous` to newer entries; you see each entry exactly once, even "
        "while new ones are added. Unknown and repeated parameters are refused."
    ),
    answer=EntryPageSerializer,
    is_conditional=True,
    refusals=[ErrorCode.MALFORMED, ErrorCode.NOT_FOUND],
    parameters=[
        _query(
            "cursor",
            {"type": "string", "minLength": 1},
            "Where to continue; taken from `next` or `previous`.",
        ),
        _query(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": HISTORY_LIMIT_MAX, "default": HISTORY_LIMIT},
            "The number of entries per page.",
        ),
        _query("kind", str, "Only transactions of this kind.", enum=Kind.values),
        _query("direction", str, "Only incoming or only outgoing money.", enum=["in", "out"]),
        _query("since", OpenApiTypes.DATETIME, "Only entries from this time on (RFC 3339, with an offset)."),
        _query("until", OpenApiTypes.DATETIME, "Only entries before this time (RFC 3339, with an offset)."),
    ],
)
