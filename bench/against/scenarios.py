"""What is compared, in which order, and the processes that each scenario needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection

from bench import interfaces
from bench.against.browser import cookies_sign_in
from bench.against.play import Plan, Requests
from bench.against.reads import cache_await, history_write
from bench.against.side import Side
from bench.client_grpc import OK
from bench.requests import bulk_requests, get_bytes, mixed_lists, page_bytes, transfer_requests
from bench.requests_grpc import single_requests

_LIST = 1_000
#: Of the lists that pile up for settling: short, so that they come from many people.
_SHORT_LIST = 20
#: How many wallets are read, each by its owner.
_READ = 100
_GZIP = {"Accept-Encoding": "gzip"}

SITE = frozenset({"site"})
SETTLING = frozenset({"site", "workers"})
CELERY = frozenset({"site", "workers", "beat"})
GRPC = frozenset({"grpc"})
KAFKA = frozenset({"site", "consumer"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`name` stands in the table, and its beginning is what BENCH_ONLY asks for."""

    name: str
    processes: frozenset[str]
    plan: Plan
    unit: str = "transfers/s"

    @property
    def needs_broker(self) -> bool:
        return "consumer" in self.processes


def scenarios() -> list[Scenario]:
    """Those with the same processes stand together. Reads come late: by then a new Redis has become trusted."""
    return [
        Scenario(name="settle cold, spread over all wallets", processes=SETTLING, plan=_held(into=None)),
        Scenario(name="settle hot, all into one wallet", processes=SETTLING, plan=_held(into=0)),
        Scenario(name="v2 single", processes=CELERY, plan=_SUBMITTED),
        Scenario(name=f"v2 lists of {_LIST}", processes=CELERY, plan=_LISTS),
        Scenario(name="v1", processes=SITE, plan=_v1()),
        Scenario(name="v1 with Idempotency-Key", processes=SITE, plan=_v1(keys="v1")),
        Scenario(name="v1 into one wallet", processes=SITE, plan=_v1(into=0)),
        Scenario(name="reads: balance, cached", processes=SITE, plan=_read(""), unit="reads/s"),
        Scenario(name="reads: history page, cached", processes=SITE, plan=_read(interfaces.HISTORY), unit="reads/s"),
        Scenario(
            name="reads: balance, not modified",
            processes=SITE,
            plan=Plan(requests=_conditional, status=304, transfers=0),
            unit="reads/s",
        ),
        Scenario(
            name="reads: home page", processes=SITE, plan=Plan(requests=_home, status=200, transfers=0), unit="reads/s"
        ),
        Scenario(name="grpc Transfer", processes=GRPC, plan=_GRPC),
        Scenario(name="kafka single", processes=KAFKA, plan=_SUBMITTED),
        Scenario(name=f"kafka lists of {_LIST}", processes=KAFKA, plan=_LISTS),
    ]


def _v1(*, keys: str = "", into: int | None = None) -> Plan:
    def prepare(side: Side) -> Requests:
        return lambda count, serial: transfer_requests(
            interfaces.TRANSFERS_V1, side.crowd, count=count, keys=keys and f"{keys}-{serial}", seed=serial, into=into
        )

    return Plan(requests=prepare, status=201)


def _submitted(side: Side) -> Requests:
    return lambda count, serial: transfer_requests(interfaces.TRANSFERS_V2, side.crowd, count=count, seed=serial)


def _lists(side: Side) -> Requests:
    return lambda count, serial: bulk_requests(interfaces.LISTS_V2, side.crowd, count=count, items=_LIST, seed=serial)


def _held(*, into: int | None) -> Plan:
    def prepare(side: Side) -> Requests:
        return lambda count, serial: mixed_lists(
            interfaces.LISTS_V2, side.crowd, count=count, items=_SHORT_LIST, seed=serial, into=into
        )

    return Plan(requests=prepare, status=202, transfers=_SHORT_LIST, is_held=True)


def _grpc(side: Side) -> Requests:
    return lambda count, serial: single_requests(side.crowd, "TransferRequest", count=count, seed=serial)


def _read(rest: str) -> Plan:
    def prepare(side: Side) -> Requests:
        history_write(side, wallets=_READ)
        requests = [
            get_bytes(_wallet_path(side, number, rest), token=side.crowd.tokens[number], headers=_GZIP)
            for number in range(_READ)
        ]
        cache_await(side, requests)
        return lambda count, _: _repeated(requests, count)

    return Plan(requests=prepare, status=200, transfers=0)


def _conditional(side: Side) -> Requests:
    """Each asks whether the balance is still the one that was read before."""
    history_write(side, wallets=_READ)
    client = HTTPConnection("127.0.0.1", side.site_port, timeout=30)
    requests = []
    for number in range(_READ):
        token, path = side.crowd.tokens[number], _wallet_path(side, number, "")
        client.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = client.getresponse()
        answer.read()
        requests.append(get_bytes(path, token=token, headers={"If-None-Match": answer.headers["ETag"]}))
    client.close()
    return lambda count, _: _repeated(requests, count)


def _home(side: Side) -> Requests:
    history_write(side, wallets=_READ)
    requests = [page_bytes(interfaces.HOME, cookies=cookies) for cookies in cookies_sign_in(side)]
    return lambda count, _: _repeated(requests, count)


def _wallet_path(side: Side, number: int, rest: str) -> str:
    path = f"{interfaces.WALLETS}/{side.crowd.wallets[number].pk}"
    return f"{path}/{rest}" if rest else path


def _repeated(requests: Sequence[bytes], count: int) -> list[bytes]:
    return [requests[number % len(requests)] for number in range(count)]


_SUBMITTED = Plan(requests=_submitted, status=202, is_settled_later=True, requests_least=200)
_LISTS = Plan(requests=_lists, status=202, transfers=_LIST, connections=4, is_settled_later=True, requests_least=8)
_GRPC = Plan(requests=_grpc, status=OK, grpc_method=f"{interfaces.GRPC_SERVICE}/Transfer")
