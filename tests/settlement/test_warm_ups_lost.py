"""Warm-ups are optional: nothing waits for them, and without them reads are only slower."""

import time

from tests.api.client import Api, json_of, person
from tests.pages.kit import give, settle, submitted
from tests.people import PASSWORD
from tests.settlement.broker import Broker
from wallets.models import User


def test_without_a_broker_sign_in_and_settling_are_as_fast(
    broker: Broker, transactional_db: None, alice: User, bob: User
) -> None:
    give(alice, 5_000)
    reader = person(alice)
    reader.api.get(reader.wallet_path)
    broker.stop()

    started_s = time.monotonic()
    for _ in range(10):
        answer = Api().post("/auth/login", {"username": "alice", "password": PASSWORD})
        assert answer.status_code == 200
    submitted(alice, amount=1_000)
    settle()
    took_s = time.monotonic() - started_s

    assert took_s < 5.0
    assert json_of(reader.api.get(reader.wallet_path))["balance"] == 4_000
