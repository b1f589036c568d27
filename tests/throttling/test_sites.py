"""Two processes serve the site over real sockets and share its limits."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from kit.limits.buckets import quota_shared
from tests.api.client import Api, Person, person
from tests.rpc.server import database_url
from tests.settlement.threads import in_threads
from tests.wallet_service.site import Site, Visitor
from transactions.limits import MONEY
from wallets.models import User

pytestmark = pytest.mark.slow

SCALE = 0.05


@pytest.fixture
def alices(transactional_db: None, alice: User) -> Person:
    return person(alice)


@pytest.fixture
def sites(alices: Person, tmp_path: Path) -> Iterator[list[Site]]:
    # With limits, and without the wallet service.
    own = {"WALLET_SERVICE": "", "DATABASE_URL": database_url(), "THROTTLE_ENABLED": "1", "THROTTLE_SCALE": str(SCALE)}
    started = [Site(log=tmp_path / f"site-{number}.log", service="", **own) for number in range(2)]
    try:
        yield [site.wait_until_up() for site in started]
    finally:
        for site in started:
            site.process.terminate()
        for site in started:
            site.terminate()


def test_of_a_hundred_simultaneous_payments_as_many_pass_as_one_bucket_holds(
    alices: Person, sites: list[Site], settings: Settings
) -> None:
    settings.THROTTLE_SCALE = SCALE
    quota, refill_per_s = quota_shared(MONEY.policy), quota_shared(MONEY.policy) / MONEY.policy.window_s
    visitors = iter([Visitor(site.port) for site in sites] * 10)

    def five_deposits() -> Counter[int]:
        api = Api(token=alices.api.token, client=next(visitors))  # type: ignore[arg-type]  # it accepts the same calls as Django's client
        answers = (api.post(f"{alices.wallet_path}/deposits", {"amount": 1}) for _ in range(5))
        return Counter(answer.status_code for answer in answers)

    started_s = time.monotonic()
    statuses = sum(in_threads(five_deposits, count=20), Counter[int]())
    took_s = time.monotonic() - started_s

    assert quota == 30
    assert statuses.keys() == {201, 429}
    assert statuses.total() == 100
    assert quota <= statuses[201] <= quota + 1 + took_s * refill_per_s
    assert alices.balance() == statuses[201]
