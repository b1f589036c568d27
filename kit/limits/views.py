"""Counts every API request and reports in every answer what is left."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.conf import settings
from django.http.response import HttpResponseBase
from rest_framework.exceptions import APIException, Throttled
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kit.errors import Refusal
from kit.limits.addresses import client_network
from kit.limits.buckets import Verdict, bucket_command, quota_shared
from kit.limits.costs import address_key, cost_take, user_key
from kit.limits.policies import Cost, Per
from kit.redis.pipeline import RedisCommand

POLICY_HEADER = "RateLimit-Policy"
STATE_HEADER = "RateLimit"


class LimitedView(APIView):
    """The base of every API view. No request passes without being counted."""

    #: What a safe request (`reads`) and any other (`writes`) costs. The first bucket that holds too little refuses.
    reads: ClassVar[tuple[Cost, ...]]
    writes: ClassVar[tuple[Cost, ...]]
    #: What a request costs that is refused before any bucket was asked, for example for lack of a token.
    anonymous: ClassVar[tuple[Cost, ...]]

    _costs: tuple[Cost, ...] = ()
    _verdicts: tuple[Verdict, ...] = ()
    _sent: tuple[int, Cost, RedisCommand] | None = None

    def cost_commands(self, request: Request, user_id: int) -> list[RedisCommand]:
        """The commands that take this request's cost if it turns out to be this user's.

        They are sent in the same round trip as the lookup of the token. `check_throttles` uses their replies.
        """
        costs = self._costs_of(request)
        # If the cost depends on the body or on several buckets, `check_throttles` takes it later.
        if len(costs) != 1 or costs[0].policy.per is not Per.USER or costs[0].per_item_in:
            return []
        command = bucket_command(costs[0].policy, key=user_key(user_id), units=costs[0].units)
        self._sent = (user_id, costs[0], command)
        return [command]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        try:
            super().initial(request, *args, **kwargs)
        except (APIException, Refusal):
            if not self._verdicts:
                # Without this, guessing tokens would be free.
                self._take_all(request, self.anonymous)
            raise

    def check_throttles(self, request: Request) -> None:
        """DRF calls this once it knows the user and before the view runs."""
        self._take_all(request, self._costs_of(request))

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        if self._verdicts:
            headers_put(answer, self._costs, self._verdicts)
        return answer

    def _costs_of(self, request: Request) -> tuple[Cost, ...]:
        if not settings.THROTTLE_ENABLED:
            return ()
        return self.reads if request.method in SAFE_METHODS else self.writes

    def _take_all(self, request: Request, costs: tuple[Cost, ...]) -> None:
        if not settings.THROTTLE_ENABLED:
            return
        self._costs, self._verdicts = costs, ()
        for cost in costs:
            try:
                items = _items(cost, request)
            except (APIException, Refusal):
                # The body is unreadable. The request still costs its sender one item.
                self._take(request, cost, items=1)
                raise
            self._take(request, cost, items=items)

    def _take(self, request: Request, cost: Cost, *, items: int) -> None:
        command = self._command_sent(request, cost)
        verdict = cost_take(cost, key=_key(cost, request), items=items, command=command)
        self._verdicts += (verdict,)
        if verdict.is_refused:
            raise Throttled(wait=verdict.wait_s)

    def _command_sent(self, request: Request, cost: Cost) -> RedisCommand | None:
        """The command that `cost_commands` made for this cost, if it guessed the user correctly."""
        if self._sent is None or (request.user.pk, cost) != self._sent[:2]:
            return None
        return self._sent[2]


def headers_put(response: HttpResponseBase, costs: tuple[Cost, ...], verdicts: tuple[Verdict, ...]) -> None:
    """Adds RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-11).

    `t` is the time until more than `r` units are left. The buckets fill continuously, so that is the wait for the next
    unit.
    """
    quotas = {verdict.policy.name: verdict.quota for verdict in verdicts}
    response[POLICY_HEADER] = ", ".join(
        f'"{policy.name}";q={quotas.get(policy.name) or quota_shared(policy)};w={policy.window_s}'
        for policy in (cost.policy for cost in costs)
    )
    response[STATE_HEADER] = ", ".join(
        f'"{verdict.policy.name}";r={verdict.remaining};t={verdict.wait_s}' for verdict in verdicts
    )


def _key(cost: Cost, request: Request) -> str:
    return _KEYS[cost.policy.per](request)


def _user_key(request: Request) -> str:
    return user_key(request.user.pk) if request.user.is_authenticated else _address_key(request)


def _address_key(request: Request) -> str:
    return address_key(client_network(request))


_KEYS: Mapping[Per, Callable[[Request], str]] = {
    Per.USER: _user_key,
    Per.ADDRESS: _address_key,
}


def _items(cost: Cost, request: Request) -> int:
    items = _body(request).get(cost.per_item_in) if cost.per_item_in is not None else None
    return len(items) if isinstance(items, list) else 1


def _body(request: Request) -> Mapping[str, Any]:
    return request.data if isinstance(request.data, Mapping) else {}
