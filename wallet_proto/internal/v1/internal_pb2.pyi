from wallet_proto.v1 import wallet_pb2 as _wallet_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Document(_message.Message):
    __slots__ = ("etag", "content", "packed")
    ETAG_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    PACKED_FIELD_NUMBER: _ClassVar[int]
    etag: str
    content: bytes
    packed: bool
    def __init__(self, etag: _Optional[str] = ..., content: _Optional[bytes] = ..., packed: _Optional[bool] = ...) -> None: ...

class CheckAssertionRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CheckAssertionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class OpenWalletRequest(_message.Message):
    __slots__ = ("currency",)
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    currency: str
    def __init__(self, currency: _Optional[str] = ...) -> None: ...

class OpenWalletResponse(_message.Message):
    __slots__ = ("wallet",)
    WALLET_FIELD_NUMBER: _ClassVar[int]
    wallet: _wallet_pb2.Wallet
    def __init__(self, wallet: _Optional[_Union[_wallet_pb2.Wallet, _Mapping]] = ...) -> None: ...

class OpenOwedWalletRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class OpenOwedWalletResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReadWalletsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReadWalletsResponse(_message.Message):
    __slots__ = ("wallets",)
    WALLETS_FIELD_NUMBER: _ClassVar[int]
    wallets: _containers.RepeatedCompositeFieldContainer[_wallet_pb2.Wallet]
    def __init__(self, wallets: _Optional[_Iterable[_Union[_wallet_pb2.Wallet, _Mapping]]] = ...) -> None: ...

class PreviewTransferRequest(_message.Message):
    __slots__ = ("source", "destination", "recipient", "amount_minor_units", "memo")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_MINOR_UNITS_FIELD_NUMBER: _ClassVar[int]
    MEMO_FIELD_NUMBER: _ClassVar[int]
    source: str
    destination: str
    recipient: str
    amount_minor_units: int
    memo: str
    def __init__(self, source: _Optional[str] = ..., destination: _Optional[str] = ..., recipient: _Optional[str] = ..., amount_minor_units: _Optional[int] = ..., memo: _Optional[str] = ...) -> None: ...

class PreviewTransferResponse(_message.Message):
    __slots__ = ("source", "destination", "recipient_name", "is_first_payment")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_NAME_FIELD_NUMBER: _ClassVar[int]
    IS_FIRST_PAYMENT_FIELD_NUMBER: _ClassVar[int]
    source: _wallet_pb2.Wallet
    destination: _wallet_pb2.Side
    recipient_name: str
    is_first_payment: bool
    def __init__(self, source: _Optional[_Union[_wallet_pb2.Wallet, _Mapping]] = ..., destination: _Optional[_Union[_wallet_pb2.Side, _Mapping]] = ..., recipient_name: _Optional[str] = ..., is_first_payment: _Optional[bool] = ...) -> None: ...

class ReadTransactionRequest(_message.Message):
    __slots__ = ("transaction_id",)
    TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
    transaction_id: str
    def __init__(self, transaction_id: _Optional[str] = ...) -> None: ...

class ReadTransactionResponse(_message.Message):
    __slots__ = ("document", "source_owner_id", "destination_owner_id")
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_OWNER_ID_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_OWNER_ID_FIELD_NUMBER: _ClassVar[int]
    document: Document
    source_owner_id: int
    destination_owner_id: int
    def __init__(self, document: _Optional[_Union[Document, _Mapping]] = ..., source_owner_id: _Optional[int] = ..., destination_owner_id: _Optional[int] = ...) -> None: ...

class ReadHistoryRequest(_message.Message):
    __slots__ = ("wallet_id", "version", "limit", "cursor", "kind", "direction", "since", "until")
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    wallet_id: str
    version: int
    limit: int
    cursor: str
    kind: str
    direction: str
    since: str
    until: str
    def __init__(self, wallet_id: _Optional[str] = ..., version: _Optional[int] = ..., limit: _Optional[int] = ..., cursor: _Optional[str] = ..., kind: _Optional[str] = ..., direction: _Optional[str] = ..., since: _Optional[str] = ..., until: _Optional[str] = ...) -> None: ...

class ReadHistoryResponse(_message.Message):
    __slots__ = ("document",)
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    document: Document
    def __init__(self, document: _Optional[_Union[Document, _Mapping]] = ...) -> None: ...

class ReadUnmovedRequest(_message.Message):
    __slots__ = ("wallet_id",)
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    wallet_id: str
    def __init__(self, wallet_id: _Optional[str] = ...) -> None: ...

class ReadUnmovedResponse(_message.Message):
    __slots__ = ("content",)
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    content: bytes
    def __init__(self, content: _Optional[bytes] = ...) -> None: ...

class ReadPayoutRequest(_message.Message):
    __slots__ = ("withdrawal_id",)
    WITHDRAWAL_ID_FIELD_NUMBER: _ClassVar[int]
    withdrawal_id: str
    def __init__(self, withdrawal_id: _Optional[str] = ...) -> None: ...

class ReadPayoutResponse(_message.Message):
    __slots__ = ("status", "returned_by")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    RETURNED_BY_FIELD_NUMBER: _ClassVar[int]
    status: str
    returned_by: str
    def __init__(self, status: _Optional[str] = ..., returned_by: _Optional[str] = ...) -> None: ...

class ReadLimitsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReadLimitsResponse(_message.Message):
    __slots__ = ("content",)
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    content: bytes
    def __init__(self, content: _Optional[bytes] = ...) -> None: ...

class SetLimitsRequest(_message.Message):
    __slots__ = ("wallet_id", "per_payment", "per_day")
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    PER_PAYMENT_FIELD_NUMBER: _ClassVar[int]
    PER_DAY_FIELD_NUMBER: _ClassVar[int]
    wallet_id: str
    per_payment: int
    per_day: int
    def __init__(self, wallet_id: _Optional[str] = ..., per_payment: _Optional[int] = ..., per_day: _Optional[int] = ...) -> None: ...

class SetLimitsResponse(_message.Message):
    __slots__ = ("content",)
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    content: bytes
    def __init__(self, content: _Optional[bytes] = ...) -> None: ...

class SetStepUpRequest(_message.Message):
    __slots__ = ("wallet_id", "above")
    WALLET_ID_FIELD_NUMBER: _ClassVar[int]
    ABOVE_FIELD_NUMBER: _ClassVar[int]
    wallet_id: str
    above: int
    def __init__(self, wallet_id: _Optional[str] = ..., above: _Optional[int] = ...) -> None: ...

class SetStepUpResponse(_message.Message):
    __slots__ = ("content",)
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    content: bytes
    def __init__(self, content: _Optional[bytes] = ...) -> None: ...

class ReadStepUpRequest(_message.Message):
    __slots__ = ("transfers",)
    TRANSFERS_FIELD_NUMBER: _ClassVar[int]
    transfers: _containers.RepeatedCompositeFieldContainer[_wallet_pb2.TransferItem]
    def __init__(self, transfers: _Optional[_Iterable[_Union[_wallet_pb2.TransferItem, _Mapping]]] = ...) -> None: ...

class ReadStepUpResponse(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...
