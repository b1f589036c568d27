"""While the wallet service is down, the site answers 503 and nothing is half done. It recovers with the service."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.client import Person, assert_problem, json_of
from tests.pages.kit import fill, text_of
from tests.people import PASSWORD
from tests.rpc.server import GrpcServer
from tests.settlement.waiting import wait_until
from tests.wallet_service.conftest import person
from tests.wallet_service.site import KEY, Site, Visitor
from transactions.audit import books_audit
from transactions.models import Transaction
from wallets.models import OwedWallet, Wallet
from wallets.tasks import wallets_owed_task

pytestmark = pytest.mark.long


class Service:
    """A wallet service that can be killed and restarted at the same address."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lives = 0
        self.server = self._start("127.0.0.1:0")

    def kill(self) -> None:
        self.server.kill()

    def stop(self) -> None:
        """Stops the service as for a new release: it finishes running calls."""
        assert self.server.terminate() == 0

    def restart(self) -> None:
        self.server = self._start(self.server.target)

    def _start(self, bind: str) -> GrpcServer:
        self._lives += 1
        log = self._folder / f"service{self._lives}.log"
        return GrpcServer(log=log, bind=bind, WALLET_SERVICE_KEY=KEY).wait_until_up()


@pytest.fixture(scope="module")
def mortal_service(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("mortal"))
    yield service
    service.kill()


@pytest.fixture(scope="module")
def mortal_site(mortal_service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(log=tmp_path_factory.mktemp("mortal-site") / "site.log", service=mortal_service.server.target)
    yield site.wait_until_up()
    site.terminate()


@pytest.fixture
def mortal(mortal_service: Service) -> Service:
    """The service that the site uses. It is running when a test begins."""
    if mortal_service.server.process.poll() is not None:
        mortal_service.restart()
    return mortal_service


@pytest.fixture
def site(mortal: Service, mortal_site: Site, transactional_db: None) -> Site:
    wait_until(lambda: Visitor(mortal_site.port).get("/readyz").status_code == 200, what="the site sees the service")
    return mortal_site


def test_the_site_answers_503_while_the_service_is_down_and_then_recovers(
    mortal: Service, site: Site, alice: Person
) -> None:
    browser = Visitor(site.port)
    fill(browser, "/accounts/login/", login="alice", password=PASSWORD)  # type: ignore[arg-type]
    deposit = f"{alice.wallet_path}/deposits", {"amount": 100}
    assert alice.api.post(*deposit, Idempotency_Key="one").status_code == 201
    assert alice.api.get(alice.wallet_path).status_code == 200
    assert browser.get("/readyz").status_code == 200

    mortal.kill()

    for answer in (
        alice.api.get(alice.wallet_path),
        alice.api.get(f"{alice.wallet_path}/transactions"),
        alice.api.post(*deposit, Idempotency_Key="two"),
        alice.api.post(*deposit),
        alice.api.post("/api/v2/transfers/bulk", {"transfers": [{"source": "1234", "recipient": "bob", "amount": 5}]}),
    ):
        assert_problem(answer, "unavailable", 503)
        assert int(answer["Retry-After"]) >= 1
    assert "not known whether" in json_of(alice.api.post(*deposit))["detail"]
    page = browser.get("/")
    assert page.status_code == 503
    assert int(page["Retry-After"]) >= 1
    # The site needs no service for users and tokens.
    assert alice.api.get("/me").status_code == 200
    assert browser.get("/tokens/").status_code == 200
    ready = browser.get("/readyz")
    assert ready.status_code == 503
    assert ready.json() == {"status": "unavailable"}
    details = Visitor(site.internal_port).get("/readyz").json()
    assert details["parts"] == {"postgres": "ok", "redis": "ok", "wallet_service": "unavailable"}

    mortal.restart()

    wait_until(lambda: alice.api.get(alice.wallet_path).status_code == 200, what="the site has found the service")
    assert json_of(alice.api.get(alice.wallet_path))["balance"] == 100
    assert alice.api.post(*deposit, Idempotency_Key="two").status_code == 201
    assert browser.get("/").status_code == 200
    assert browser.get("/readyz").status_code == 200
    assert alice.balance() == 200


def test_retries_with_keys_move_money_once_while_the_service_is_killed_and_stopped(
    mortal: Service, site: Site, alice: Person
) -> None:
    """Clients retry each unanswered deposit with its key until it succeeds."""
    done: list[str] = []
    refused: list[int] = []

    def client(someone: Person) -> None:
        for number in range(20):
            key = f"{someone.api.token}-{number}"

            def is_done(key: str = key) -> bool:
                answer = someone.api.post(f"{alice.wallet_path}/deposits", {"amount": 1}, Idempotency_Key=key)
                if answer.status_code != 201:
                    assert_problem(answer, "unavailable", 503)
                    refused.append(answer.status_code)
                return answer.status_code == 201

            wait_until(is_done, what="the deposit is made")
            done.append(key)

    threads = [threading.Thread(target=client, args=(person(alice.user, site),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for end in (mortal.kill, mortal.stop):
        enough = len(done) + 10
        wait_until(lambda: len(done) >= enough, what="money moves")  # noqa: B023 - asked before the next turn
        end()
        mortal.restart()
    for thread in threads:
        thread.join(60)
    assert len(done) == 60
    assert alice.balance() == 60
    assert Transaction.objects.count() == 60
    assert books_audit().clean


def test_a_user_who_signs_up_while_the_service_is_down_gets_the_wallet_later(mortal: Service, site: Site) -> None:
    mortal.kill()
    browser, program = Visitor(site.port), Visitor(site.port)
    entered = {"username": "dora", "email": "dora@example.com", "password1": PASSWORD}
    answer = fill(browser, "/accounts/signup/", **entered)  # type: ignore[arg-type]
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert browser.get("/").status_code == 503
    body = {"username": "emil", "email": "emil@example.com", "password": PASSWORD}
    sent = program.post("/api/v1/auth/register", json.dumps(body).encode(), content_type="application/json")
    assert sent.status_code == 201
    newcomers = {"dora", "emil"}
    assert not Wallet.objects.filter(owner__username__in=newcomers).exists()
    assert {owed.owner.username for owed in OwedWallet.objects.all()} == newcomers

    # The workers beside the books run this task every few seconds.
    wallets_owed_task()

    opened = Wallet.objects.filter(owner__username__in=newcomers, currency="USD")
    assert {wallet.owner and wallet.owner.username for wallet in opened} == newcomers
    assert not OwedWallet.objects.exists()
    mortal.restart()
    wait_until(lambda: browser.get("/").status_code == 200, what="the site has found the service")
    assert "$0" in text_of(browser.get("/"))
