"""How the operations of v2 are described in the OpenAPI schema."""

from transactions.api.serializers import TransactionSerializer, TransferSerializer
from transactions.api.v1.schema import KEY_HEADER, replayed_header
from transactions.api.v2.serializers import BulkBodySerializer, BulkResultsSerializer
from wallets.api.schema import LOCATION, operation
from wallets.domain.errors import ErrorCode
from wallets.domain.limits import TRANSFERS_MAX

_PROMISE = (
    "What is accepted is on record before the answer leaves, and ends `posted`, or `failed` with a reason. What can be "
    "known at once is refused at once; whether there is enough money is known when it settles."
)
_EXAMPLE = {"source": "193746182400004096", "recipient": "bob", "amount": 2_500, "memo": "Lunch"}

transfer_submitted = operation(
    name="transfer_submit",
    tag="Money, settled behind",
    summary="Send money and go on at once",
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
        ErrorCode.CURRENCY_MISMATCH,
        ErrorCode.WALLET_CLOSED,
        ErrorCode.WALLET_FROZEN,
    ],
    parameters=[KEY_HEADER, LOCATION, replayed_header(202)],
    examples={"To a person": _EXAMPLE},
)

bulk_submit = operation(
    name="transfers_submit",
    tag="Money, settled behind",
    summary=f"Send up to {TRANSFERS_MAX} transfers at once",
    description=(
        f"{_PROMISE} Each item is judged on its own and has one result, in order: a transaction, or the problem that a "
        "request of its own would have been answered with. The transfers of one wallet are settled in this order."
    ),
    request=BulkBodySerializer,
    status=202,
    answer=BulkResultsSerializer,
    refusals=[ErrorCode.IDEMPOTENCY_IN_PROGRESS],
    examples={"Two transfers": {"transfers": [{**_EXAMPLE, "idempotency_key": f"payday-{n}"} for n in (1, 2)]}},
)

transfer_read = operation(
    name="transfer_read",
    tag="Money, settled behind",
    summary="Read what became of a transfer",
    answer=TransactionSerializer,
    is_conditional=True,
    refusals=[ErrorCode.NOT_FOUND],
)
