"""Answers are byte for byte the same with the books in this process and in the wallet service."""

import gzip
from typing import Any

import pytest

from tests.api.client import Api, Person, json_of
from transactions.models import Transaction
from transactions.recipients import TransferRequest
from transactions.services import transfer_create
from wallets.services import wallet_freeze, wallet_open

_HEADERS = ("Content-Type", "Content-Encoding", "ETag", "Vary", "Cache-Control", "Location", "Retry-After")


@pytest.fixture
def here(alice: Person) -> Api:
    """Alice's requests to this process, which has the books."""
    return Api(token=alice.api.token)


@pytest.fixture
def busy(alice: Person, bob: Person) -> Person:
    """Alice with enough transactions that a page of her history is compressed."""
    alice.deposit(5_000)
    for amount in range(1, 6):
        transfer_create(
            actor=alice.user,
            request=TransferRequest(source_id=alice.wallet.pk, recipient="bob", amount=amount, memo="Grüße 💸"),
        )
    return alice


def said(answer: Any) -> tuple[int, bytes, dict[str, str | None]]:
    """Everything in an answer that must be the same."""
    headers = {name: answer.headers.get(name) for name in (*_HEADERS, "Idempotent-Replayed")}
    return answer.status_code, answer.content, headers


@pytest.mark.parametrize("accepted", ["identity", "gzip"])
def test_reads_are_the_same(busy: Person, here: Api, accepted: str) -> None:
    newest = Transaction.objects.latest("id").pk
    history = f"{busy.wallet_path}/transactions"
    paths = [
        "/wallets",
        busy.wallet_path,
        f"/transactions/{newest}",
        f"/api/v2/transfers/{newest}",
        "/transactions?idempotency_key=none",
        history,
        f"{history}?limit=2&direction=out&kind=transfer",
        f"{history}?since=2020-01-01T00:00:00%2B02:00&until=2999-12-31T00:00:00-05:00&limit=1",
    ]
    paths.append(json_of(here.get(paths[-1]))["next"])
    for path in paths:
        remote, local = (api.get(path, Accept_Encoding=accepted) for api in (busy.api, here))
        assert said(remote) == said(local), path
        assert remote.status_code == 200
    assert gzip.decompress(busy.api.get(history, Accept_Encoding="gzip").content) == here.get(history).content


def test_both_give_the_same_etags(busy: Person, here: Api) -> None:
    for path in ("/wallets", busy.wallet_path, f"{busy.wallet_path}/transactions"):
        for first, second in ((busy.api, here), (here, busy.api)):
            etag = first.get(path).headers["ETag"]
            assert second.get(path, If_None_Match=etag).status_code == 304
    busy.deposit(1)
    assert busy.api.get(busy.wallet_path, If_None_Match=etag).status_code == 200


def test_refusals_are_the_same(busy: Person, bob: Person, charlie: Person, here: Api) -> None:
    wallet_freeze(wallet_id=charlie.wallet.pk, actor=bob.user, reason="A test.")
    euros = wallet_open(owner=bob.user, currency="EUR")
    source = str(busy.wallet.pk)
    transfers: list[dict[str, Any]] = [
        {"recipient": "nobody"},
        {"recipient": "charlie"},
        {"recipient": "alice"},
        {"recipient": "bob", "amount": 10**12},
        {"recipient": "bob", "amount": 0},
        {"recipient": "bob", "source": str(bob.wallet.pk)},
        {"destination": str(euros.pk)},
        {"destination": "1234567890"},
        {"destination": str(bob.wallet.pk), "recipient": "bob"},
        {},
    ]
    for path in ("/transfers", "/api/v2/transfers"):
        for fields in transfers:
            body = {"source": source, "amount": 5, **fields}
            remote, local = busy.api.post(path, body), here.post(path, body)
            if remote.status_code == 202:  # too little money is known when it settles
                assert local.status_code == 202
                continue
            assert said(remote) == said(local), (path, fields)
            assert remote.status_code >= 400
    for path in (bob.wallet_path, f"{bob.wallet_path}/transactions", "/transactions/99", f"/wallets/{2**63 - 1}"):
        assert said(busy.api.get(path)) == said(here.get(path)), path
    cursor = f"{busy.wallet_path}/transactions?cursor=made-up"
    assert said(busy.api.get(cursor)) == said(here.get(cursor))
    assert said(busy.api.post("/wallets", {"currency": "USD"})) == said(here.post("/wallets", {"currency": "USD"}))
    withdrawal = f"{busy.wallet_path}/withdrawals", {"amount": 10**12}
    assert said(busy.api.post(*withdrawal)) == said(here.post(*withdrawal))


def test_each_replays_requests_of_the_other(busy: Person, here: Api) -> None:
    deposit = f"{busy.wallet_path}/deposits"
    transfer = {"source": str(busy.wallet.pk), "recipient": "bob", "amount": 7, "memo": "Lunch"}
    for number, (path, body) in enumerate(
        [(deposit, {"amount": 5}), ("/transfers", transfer), ("/api/v2/transfers", transfer)]
    ):
        for first, second in ((busy.api, here), (here, busy.api)):
            key = f"key-{number}-{first is here}"
            done, again = first.post(path, body, Idempotency_Key=key), second.post(path, body, Idempotency_Key=key)
            assert done.content == again.content
            assert done.headers.get("Location") == again.headers.get("Location")
            assert again.headers["Idempotent-Replayed"] == "true"
    other = here.post(deposit, {"amount": 6}, Idempotency_Key="key-0-True")
    assert said(busy.api.post(deposit, {"amount": 6}, Idempotency_Key="key-0-True")) == said(other)


def test_each_item_of_a_bulk_request_gets_the_same_answer(busy: Person, here: Api) -> None:
    def item(**fields: object) -> dict[str, object]:
        return {"source": str(busy.wallet.pk), "recipient": "bob", "amount": 5, **fields}

    items = [
        item(idempotency_key="one"),
        item(recipient="nobody"),
        item(destination="77"),
        item(amount="5"),
        item(idempotency_key="one", amount=6),
        "no item",
    ]
    # Sent once before, so that the first item is a replay in both.
    here.post("/api/v2/transfers/bulk", {"transfers": items})
    remote, local = (api.post("/api/v2/transfers/bulk", {"transfers": items}) for api in (busy.api, here))
    assert said(remote) == said(local)
    assert len(json_of(remote)["results"]) == len(items)
