"""The questions about spending limits and step-up authentication, as calls to the wallet service."""

import json
from collections.abc import Sequence

from transactions.gateway.channel import INTERNAL, read_call, write_call
from transactions.gateway.sending import transfer_filled
from transactions.recipients import TransferRequest
from transactions.step_up import StepUpReason
from wallet_proto.internal.v1 import internal_pb2 as internal
from wallet_proto.v1 import wallet_pb2 as pb
from wallets.models import User
from wallets.spending import LimitsView


def limits_list(*, owner: User) -> list[LimitsView]:
    request = internal.ReadLimitsRequest()
    answer = read_call(INTERNAL + "ReadLimits", request, answer=internal.ReadLimitsResponse, user_id=owner.pk)
    return [LimitsView.from_json(fields) for fields in json.loads(answer.content)]


def limits_set(*, owner: User, wallet_id: int, per_payment: int | None, per_day: int | None) -> LimitsView:
    request = internal.SetLimitsRequest(wallet_id=str(wallet_id), per_payment=per_payment, per_day=per_day)
    answer = write_call(
        INTERNAL + "SetLimits",
        request,
        answer=internal.SetLimitsResponse,
        user_id=owner.pk,
        is_repeatable=True,
    )
    return LimitsView.from_json(json.loads(answer.content))


def step_up_set(*, owner: User, wallet_id: int, above: int) -> LimitsView:
    request = internal.SetStepUpRequest(wallet_id=str(wallet_id), above=above)
    answer = write_call(
        INTERNAL + "SetStepUp",
        request,
        answer=internal.SetStepUpResponse,
        user_id=owner.pk,
        is_repeatable=True,
    )
    return LimitsView.from_json(json.loads(answer.content))


def step_up_reason(*, actor: User, requests: Sequence[TransferRequest]) -> StepUpReason | None:
    items = [transfer_filled(pb.TransferItem(), request) for request in requests]
    answer = read_call(
        INTERNAL + "ReadStepUp",
        internal.ReadStepUpRequest(transfers=items),
        answer=internal.ReadStepUpResponse,
        user_id=actor.pk,
    )
    return StepUpReason(answer.reason) if answer.reason else None
