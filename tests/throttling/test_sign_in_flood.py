"""A flood of sign-ins does not delay other requests: gunicorn as deployed, over real sockets."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rpc.server import database_url
from tests.settlement.threads import in_threads
from tests.settlement.waiting import wait_until
from tests.wallet_service.site import Answer, Site, Visitor

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

SIGN_INS = 60


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    own = {
        "WALLET_SERVICE": "",
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "tests.throttling.hashing_settings",
        "WEB_CONCURRENCY": "1",
        "WEB_THREADS": "8",
    }
    started = Site(log=tmp_path / "site.log", service="", **own)
    try:
        yield started.wait_until_up()
    finally:
        started.terminate()


def test_sixty_simultaneous_sign_ins_delay_no_other_request(site: Site) -> None:
    Visitor(site.port).get("/accounts/login/")
    answers: list[Answer] = []
    reads_s: list[float] = []
    numbers = iter(range(SIGN_INS))

    def sign_in() -> None:
        body = f'{{"username": "name{next(numbers)}", "password": "wrong"}}'.encode()
        answers.append(Visitor(site.port).post("/api/v1/auth/login", body, "application/json"))

    def read() -> None:
        # Once the flood is there. Each read is an unrelated request.
        wait_until(lambda: bool(answers), what="the first sign-in is answered")
        for _ in range(5):
            started_s = time.monotonic()
            assert Visitor(site.port).get("/accounts/login/").status_code == 200
            reads_s.append(time.monotonic() - started_s)

    turns = iter([read, *[sign_in] * SIGN_INS])

    def play() -> None:
        next(turns)()

    in_threads(play, count=SIGN_INS + 1)

    statuses = Counter(answer.status_code for answer in answers)
    assert statuses.keys() == {401, 503}
    # At least the one that hashed and one that waited for it; nobody waited for long.
    assert statuses[401] >= 2
    assert statuses[503] >= SIGN_INS / 2
    assert {answer["Retry-After"] for answer in answers if answer.status_code == 503} == {"1"}
    # One after another the hashes would take 30 seconds.
    assert max(reads_s) < 5
