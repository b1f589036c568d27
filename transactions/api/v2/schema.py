"""The OpenAPI descriptions of v2's operations."""

from transactions.api.serializers import TransactionSerializer, TransferSerializer
from transactions.api.v1.schema import KEY_HEADER, replayed_header
from transactions.api.v2.serializers import BulkBodySerializer, BulkResultsSerializer
from wallets.api.schema import LOCATION, operation
from wallets.domain.errors import ErrorCode
from wallets.domain.limits import TRANSFERS_MAX

_PROMISE = (
    "An accepted transfer is stored durably before the response is sent. It is `pending` until it is settled, and ends "
    "as `posted`, or as `failed` with a reason. Invalid requests are refused immediately; the balance is checked at "
    "settlement."
)
_EXAMPLE = {"source": "193746182400004096", "recipient": "bob", "amount": 2_500, "memo": "Lunch"}

transfer_submitted = operation(
    name="transfer_submit",
    tag="Asynchronous transfers",
    summary="Send money asynchronously",
    description=_PROMISE,
    request=TransferSerializer,
    status=202,
    answer=TransactionSerializer,
    refusals=[
        ErrorCode.NOT_FOUND,
        ErrorCode.IDEMPOTENCY_IN_PROGRESS,
        ErrorCode.IDEMPOTENCY_KEY_REUSED,
        ErrorCode.RECIPIENT_NOT_FOUND,
        ErrorCode.SAME_WALLET,
        ErrorCode.TOKEN_CEILING_EXCEEDED,
        ErrorCode.CURRENCY_MISMATCH,
        ErrorCode.STEP_UP_REQUIRED,
        ErrorCode.SPENDING_LIMIT_EXCEEDED,
        ErrorCode.WALLET_CLOSED,
        ErrorCode.WALLET_FROZEN,
    ],
    parameters=[KEY_HEADER, LOCATION, replayed_header(202)],
    examples={"To a user": _EXAMPLE},
)

bulk_submit = operation(
    name="transfers_submit",
    tag="Asynchronous transfers",
    summary=f"Send up to {TRANSFERS_MAX} transfers at once",
    description=(
        f"{_PROMISE} Each item is handled on its own and has one result, in the same order: a transaction, or the "
        "problem that a single request would have returned. Transfers from the same wallet settle in the listed order."
    ),
    request=BulkBodySerializer,
    status=202,
    answer=BulkResultsSerializer,
    refusals=[ErrorCode.STEP_UP_REQUIRED, ErrorCode.IDEMPOTENCY_IN_PROGRESS],
    examples={"Two transfers": {"transfers": [{**_EXAMPLE, "idempotency_key": f"payday-{n}"} for n in (1, 2)]}},
)

transfer_read = operation(
    name="transfer_read",
    tag="Asynchronous transfers",
    summary="Get a transfer",
    answer=TransactionSerializer,
    is_conditional=True,
    refusals=[ErrorCode.NOT_FOUND],
)
